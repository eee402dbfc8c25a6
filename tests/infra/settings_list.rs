//! The list of all settings and what the programs read.

use offload_service::settings::{ALL, reference_markdown};

#[test]
fn the_list_of_all_settings_is_what_the_programs_read() {
    let programs = [("api", offload_api::program::settings()), ("worker", offload_worker::program::settings())];
    for (program, settings) in &programs {
        for setting in settings {
            assert!(ALL.contains(setting), "{program} reads {}, which is not listed", setting.variable());
        }
    }
    for setting in ALL.iter() {
        let variable = setting.variable();
        assert!(programs.iter().any(|(_, settings)| settings.contains(setting)), "no program reads {variable}");
    }
}

#[test]
fn the_reference_has_a_row_for_each_setting() {
    let page = reference_markdown(&ALL);
    assert!(
        page.starts_with(
            "### Stores\n\n| variable | default | meaning |\n|---|---|---|\n| `OFFLOAD_BUCKET` | required |"
        )
    );
    for setting in ALL.iter() {
        let row = format!("| `{}` | ", setting.variable());
        assert_eq!(page.matches(&row).count(), 1, "{row}");
    }
    assert!(page.contains("| `OFFLOAD_RETENTION_DAYS` | `30` | "), "{page}");
}
