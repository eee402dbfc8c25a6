// Before the first paint, so that nobody who chose dark sees a white page.
try {
  const theme = JSON.parse(localStorage.getItem("offload.preferences") ?? "{}").theme;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme it is.
}
