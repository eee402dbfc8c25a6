//! Text of strangers never makes a reader panic, and is not taken for what it only resembles. Runs
//! for seconds here; `PROPTEST_CASES=20000000 cargo test -p offload-domain --test hostile_text`
//! runs for ten minutes and more.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    api_key::ApiKey,
    caller::Roles,
    host::{HostRule, is_loopback_origin},
    id::OrderId,
    idempotency::IdempotencyKey,
    tenant::Tenant,
    token::{Access, TokenKeys, is_order_token},
    webhook,
};
use proptest::prelude::*;

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn keys() -> TokenKeys {
    TokenKeys::parse(&"k".repeat(32)).expect("it is long enough")
}

/// Any text, and text of the letters that matter to a reader.
fn text(letters: &'static str) -> impl Strategy<Value = String> {
    let of_letters = prop::string::string_regex(&format!("[{letters}]{{0,80}}")).expect("these are letters");
    prop_oneof![".{0,80}", of_letters]
}

/// A valid text in which one place is another one.
fn changed(valid: &str, at: prop::sample::Index, by: &str) -> String {
    let chars: Vec<char> = valid.chars().collect();
    let at = at.index(chars.len());
    chars[..at].iter().copied().chain(by.chars()).chain(chars[at + 1..].iter().copied()).collect()
}

proptest! {
    #[test]
    fn no_text_is_an_order_token(text in text("v0-9a-zA-Z._=-")) {
        prop_assert!(keys().open(&text, now()).is_err());
        let _ = is_order_token(&text);
    }

    #[test]
    fn a_changed_order_token_is_none(at: prop::sample::Index, by in ".{0,2}", read: bool) {
        let access = if read { Access::Read } else { Access::Full };
        let valid = keys().sign(OrderId::new(now()), access, now() + TimeDelta::hours(1));
        prop_assert_eq!(keys().open(&valid, now()).unwrap().access, access);
        let changed = changed(&valid, at, &by);
        prop_assert!(changed == valid || keys().open(&changed, now()).is_err(), "{} for {}", changed, valid);
    }

    #[test]
    fn an_api_key_is_read_in_its_one_spelling(id: [u8; 8], secret: [u8; 32], at: prop::sample::Index, by in ".{0,2}") {
        let key = ApiKey::new(id, secret);
        let read = ApiKey::parse(key.reveal()).unwrap();
        prop_assert!(key.hash().is_of(&read));
        let changed = changed(key.reveal(), at, &by);
        if let Some(other) = ApiKey::parse(&changed) {
            prop_assert!(changed == key.reveal() || !key.hash().is_of(&other), "{}", changed);
            prop_assert_eq!(other.reveal(), &*changed);
        }
    }

    #[test]
    fn an_order_id_has_one_spelling_inside(text in text("0-9a-fA-F-")) {
        if let Ok(id) = text.parse::<OrderId>() {
            prop_assert_eq!(id.to_string(), text.to_lowercase());
        }
    }

    #[test]
    fn an_idempotency_key_is_bytes_of_any_kind(
        value in prop::collection::vec(any::<u8>(), 0..300), body in prop::collection::vec(any::<u8>(), 0..30),
    ) {
        let _ = IdempotencyKey::parse(&Tenant::default(), &value, &body);
    }

    #[test]
    fn what_is_read_of_a_tenant_or_roles_is_what_was_written(text in text("a-z0-9_., -")) {
        if let Ok(tenant) = text.parse::<Tenant>() {
            prop_assert_eq!(tenant.as_str(), &*text);
        }
        // What has a word that is no role is refused, and elsewhere such words count for nothing.
        if let Ok(roles) = Roles::parse(&text) {
            prop_assert_eq!(roles, Roles::among([&*text]));
        }
    }

    #[test]
    fn no_host_is_of_this_machine_but_its_names(text in text("0-9a-z.:@%/\\[\\]-")) {
        let loopback = HostRule::list("loopback").unwrap();
        if loopback.iter().any(|rule| rule.allows(&text)) {
            let host = text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(&*text, |(host, _)| host);
            let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
            let name = host.trim_end_matches('.');
            let address = host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback());
            prop_assert!(name == "localhost" || name.ends_with(".localhost") || address, "{}", text);
        }
        let _ = is_loopback_origin(&text);
        let _ = HostRule::list(&text);
    }

    #[test]
    fn a_webhook_goes_to_no_address_of_this_network(text in text("0-9a-fx.:@/#?%\\[\\]")) {
        let policy = webhook::Policy::default();
        if let Ok(url) = policy.check(&format!("https://{text}")) {
            prop_assert_eq!(url.scheme(), "https");
            prop_assert!(url.username().is_empty() && url.password().is_none(), "{}", url);
            let address = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
            prop_assert!(address.is_none_or(webhook::is_public), "{}", url);
        }
        let _ = webhook::Rule::list(&text);
    }

    #[test]
    fn no_text_is_a_signature(text in text("v1,= A-Za-z0-9+/"), body in prop::collection::vec(any::<u8>(), 0..30)) {
        let secrets = webhook::Secrets::parse("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX").unwrap();
        prop_assert!(!secrets.verify(&text, "id", 1, &body));
        let _ = webhook::Secrets::parse(&text);
    }
}
