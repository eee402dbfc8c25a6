//! Runs the parts of a system with the permissions that Terraform gives them, and records which
//! ones they use.

use std::{fmt::Write as _, fs::OpenOptions, io::Write as _, path::Path};

use offload_local::{Permission, Stack};
use offload_service::settings::StoreSettings;

use crate::role::{Names, Role, SIGNER_ROLE, signer_policy};

/// The folder in which the permissions that were used are recorded, if they are to be.
const FOLDER: &str = "PERMISSIONS_USED";

/// The access key of a role and its secret.
pub(crate) fn keys(role: Role) -> (String, String) {
    (role.name().to_owned(), format!("secret-of-{}", role.name()))
}

/// Gives a stack a user for each role.
pub(crate) fn grant(stack: &Stack, region: &str, settings: &StoreSettings) {
    let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
    let notifications = settings.notifications.as_ref();
    let names = Names {
        region: region.to_owned(),
        bucket: settings.bucket.clone(),
        table: settings.table.clone(),
        queue: name(&settings.queue_url),
        priority_queues: [&settings.high_queue_url, &settings.low_queue_url]
            .into_iter()
            .flatten()
            .map(|url| name(url))
            .collect(),
        quiet_queue: settings.quiet_queue_url.as_deref().map(name),
        dead_letter_queue: settings.dead_letter_queue_url.as_deref().map(name).unwrap_or_default(),
        notifications_queue: notifications.map(|n| name(&n.queue_url)).unwrap_or_default(),
        webhooks_queue: notifications.and_then(|n| n.webhooks_queue_url.as_deref()).map(name).unwrap_or_default(),
        webhook_retries_queue: notifications
            .and_then(|n| n.webhook_retries_queue_url.as_deref())
            .map(name)
            .unwrap_or_default(),
        notifications_dead_letter_queue: notifications
            .and_then(|n| n.dead_letter_queue_url.as_deref())
            .map(name)
            .unwrap_or_default(),
    };
    for role in Role::ALL {
        let (id, secret) = keys(role);
        stack.add_user(&id, &secret, &role.policy(&names)).expect("a policy");
    }
    stack.add_role(SIGNER_ROLE, &signer_policy(&names)).expect("a policy");
}

/// Records what the roles used; each process has a file of its own.
///
/// # Panics
/// If a role was denied something: on AWS that call would fail, whether or not the test noticed.
pub(crate) fn record(stack: &Stack) {
    let mut lines = String::new();
    for role in Role::ALL {
        let permissions = stack.permissions(role.name());
        for Permission { action, resource } in &permissions.used {
            let _ = writeln!(lines, "{} {action} {resource}", role.name());
        }
        let denied: Vec<String> = permissions.denied.iter().map(ToString::to_string).collect();
        let text = format!("infra/terraform does not allow {}: {denied:?}", role.name());
        match (denied.is_empty(), std::thread::panicking()) {
            (true, _) => {}
            (false, true) => eprintln!("{text}"),
            (false, false) => panic!("{text}"),
        }
    }
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let file = Path::new(&folder).join(std::process::id().to_string());
    let file = OpenOptions::new().create(true).append(true).open(file);
    file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("to record the permissions");
}
