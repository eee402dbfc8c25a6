//! A reader who types what a page says, block by block, in a folder of their own.
//!
//! The programs are the ones of this build, and their ports are free ones: a program of the name
//! `offload` or `cargo` comes first in the reader's path and passes on what is typed, and addresses
//! in the text are replaced.

use std::fs::{self, File};

use super::{
    addresses::Addresses,
    home::Home,
    output::fits,
    page::{Block, Language, Page, Role},
    process::{PATIENCE, end, spawn, until},
    service::Service,
};

/// What a page writes in place of the address of a service that serves nobody.
const NO_PORT: &str = "no port";

/// A stack for the pages that start none.
pub(crate) struct SharedStack {
    reader: Reader,
}

impl SharedStack {
    pub(crate) fn start() -> Self {
        let mut reader = Reader::new(&Addresses::default());
        reader.start_stack("offload up --workers 30\n").unwrap_or_else(|e| panic!("{e}"));
        Self { reader }
    }

    pub(crate) fn addresses(&self) -> &Addresses {
        &self.reader.addresses
    }
}

/// Types a page.
///
/// # Errors
/// Where the page promised too much, and what happened.
pub(crate) fn read(page: &Page, shared: &Addresses) -> Result<(), String> {
    let mut reader = Reader::new(shared);
    for block in &page.blocks {
        if let Role::Service(Some(address)) = &block.role
            && address != NO_PORT
        {
            reader.addresses.give_free_port(address);
        }
    }
    for block in &page.blocks {
        reader.block(block).map_err(|e| format!("{}:{}: {e}", page.path.display(), block.line))?;
    }
    Ok(())
}

struct Reader {
    /// Ended before their folder goes: the first field is dropped first.
    stacks: Vec<Service>,
    own: Vec<Service>,
    home: Home,
    addresses: Addresses,
    /// What the last block printed.
    printed: String,
}

impl Reader {
    fn new(shared: &Addresses) -> Self {
        let (stacks, own, printed) = (Vec::new(), Vec::new(), String::new());
        Self { stacks, own, home: Home::new(), addresses: shared.clone(), printed }
    }

    fn block(&mut self, block: &Block) -> Result<(), String> {
        let text = self.addresses.real(&block.text);
        match &block.role {
            Role::Run(language) => self.run(*language, &text),
            Role::File(name) => self.home.write(name, &text),
            Role::Service(None) => self.start_stack(&text),
            Role::Service(Some(address)) => self.start_own(&text, address),
            Role::Output => fits(&block.text, &self.addresses.on_the_page(&self.printed)),
            Role::ServiceOutput => self.service_output(&block.text),
            Role::NotRun | Role::Illustration => Ok(()),
        }
    }

    fn run(&mut self, language: Language, text: &str) -> Result<(), String> {
        let api = self.addresses.api();
        let mut command = match language {
            Language::Shell => self.home.shell(text, &api),
            Language::Python => self.home.script("python3", "block.py", text, &api),
            Language::JavaScript => self.home.script("node", "block.mjs", text, &api),
        };
        let (out, err) = (self.home.path("out"), self.home.path("err"));
        let mut child = spawn(&mut command, File::create(&out), File::create(&err))?;
        let status = until(|| child.try_wait().ok().flatten());
        self.printed = fs::read_to_string(out).unwrap_or_default();
        let failed = |how: String| format!("{how}\n{}{}", self.printed, fs::read_to_string(err).unwrap_or_default());
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(failed(status.to_string())),
            None => {
                end(&mut child);
                Err(failed(format!("not over after {PATIENCE:?}")))
            }
        }
    }

    /// Starts `offload up`, in place of the one before.
    fn start_stack(&mut self, text: &str) -> Result<(), String> {
        let service = self.start(text)?;
        let ready = service.ready()?;
        self.stacks.push(service);
        // `tee` writes its file after its output.
        until(|| self.home.has_the_files_of(text).then_some(())).ok_or("a file stays empty")?;
        self.addresses.set_stack(&ready);
        Ok(())
    }

    fn start_own(&mut self, text: &str, address: &str) -> Result<(), String> {
        let service = self.start(text)?;
        if address != NO_PORT {
            service.accepts_at(&self.addresses.real(address))?;
        }
        self.own.push(service);
        Ok(())
    }

    fn start(&self, text: &str) -> Result<Service, String> {
        let number = self.stacks.len() + self.own.len();
        let command = self.home.service(number, text, &self.addresses.api());
        Service::start(command, self.home.path(&format!("service-{number}")))
    }

    fn service_output(&self, expected: &str) -> Result<(), String> {
        let service = self.own.last().ok_or("there is no server of the reader's own")?;
        let fits_now = || fits(expected, &self.addresses.on_the_page(&service.printed()));
        until(|| fits_now().ok()).ok_or(()).or_else(|()| fits_now())
    }
}
