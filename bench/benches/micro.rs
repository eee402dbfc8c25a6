//! What the api does for an order besides its calls, one by one: `just micro`.
//!
//! A URL is signed beside the same by hand, and beside the hashes alone that it needs.

#[path = "../peers/floor/signature.rs"]
#[expect(dead_code, reason = "no request is signed here")]
mod signature;

use std::{env, hint::black_box, process::Command, time::Duration};

use chrono::TimeDelta;
use criterion::Criterion;
use futures_util::FutureExt as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use offload_domain::{
    eta::{QueueState, ServiceTimes, estimate},
    fixtures,
    order::OrderRecord,
    payload::{OrderDocument, Payload},
    schedule,
    schema::OrderSchema,
    status::EtaWindow,
    token::{Access, TokenKeys},
};
use offload_service::{
    clock,
    settings::{Calls, StoreSettings},
};
use offload_stores::{CallPolicy, Connection, Stores};
use offload_tests::{SECRET, orders};
use sha2::{Digest as _, Sha256};
use signature::{Credentials, Signer};

const REGION: &str = "eu-west-1";
const ID: &str = "ASIAIOSFODNN7EXAMPLE";
const KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
/// As long as those of roles.
const TOKEN_BYTES: usize = 800;
const TTL: Duration = Duration::from_secs(900);

fn main() -> anyhow::Result<()> {
    // Credentials with a session token come from the environment alone.
    if env::var_os(TOKEN).is_none() {
        let mut again = Command::new(env::current_exe()?);
        again.args(env::args_os().skip(1)).env(TOKEN, "Ab+/".repeat(TOKEN_BYTES / 4)).env("AWS_REGION", REGION);
        again
            .env("AWS_ACCESS_KEY_ID", ID)
            .env("AWS_SECRET_ACCESS_KEY", KEY)
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let status = again.status()?;
        anyhow::ensure!(status.success(), "{status}");
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stores = runtime.block_on(stores())?;
    let mut criterion = Criterion::default().configure_from_args();
    presign(&mut criterion, &stores);
    of_an_order(&mut criterion);
    criterion.final_summary();
    Ok(())
}

async fn stores() -> anyhow::Result<Stores> {
    let settings = StoreSettings {
        bucket: "status".to_owned(),
        table: "orders".to_owned(),
        queue_url: "http://127.0.0.1:1/000000000000/orders".to_owned(),
        high_queue_url: None,
        low_queue_url: None,
        quiet_queue_url: None,
        dead_letter_queue_url: None,
        notifications: None,
        signer_role_arn: None,
        s3_path_style: None,
        public_s3_endpoint: None,
        retention: Duration::from_secs(30 * 86_400),
        default_deadline: Duration::from_secs(7 * 86_400),
        resend_after: Duration::from_secs(60),
        calls: Calls::Direct,
    };
    let connection = Connection::from_environment(CallPolicy::INTERACTIVE).await;
    connection.stores(&settings).await.map_err(anyhow::Error::msg)
}

fn presign(criterion: &mut Criterion, stores: &Stores) {
    let (now, id) = (clock::now(), fixtures::record(clock::now()).order.id);
    let key = id.status_key();
    let mut group = criterion.benchmark_group("presign");
    group.bench_function("of the service", |b| {
        b.iter(|| stores.presigner.get(black_box(&key), TTL, now).now_or_never().expect("the credentials are there"));
    });
    let credentials = Credentials {
        access_key_id: ID.to_owned(),
        secret_access_key: KEY.to_owned(),
        session_token: env::var(TOKEN).unwrap_or_default(),
    };
    let (mut signer, path) = (Signer::new(credentials, REGION, "s3"), format!("/status/{key}"));
    group.bench_function("by hand", |b| b.iter(|| signer.presign("127.0.0.1:1", black_box(&path), 900, now)));
    // The canonical request with the token, and the text to sign, with the key of the day.
    let (request, text) = (vec![b'x'; TOKEN_BYTES + 520], vec![b'x'; 136]);
    let day = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any length will do");
    group.bench_function("hashes alone", |b| {
        b.iter(|| {
            let hash = Sha256::digest(black_box(&request));
            let mut mac = day.clone();
            mac.update(black_box(&text));
            (hash, mac.finalize().into_bytes())
        });
    });
    group.finish();
}

fn of_an_order(criterion: &mut Criterion) {
    let now = clock::now();
    let queue = QueueState { visible: 37.0, in_flight: 10.0, ..QueueState::default() };
    let times = ServiceTimes::configured(2.0);
    criterion.bench_function("estimate", |b| b.iter(|| estimate(black_box(&queue), black_box(&times), 10.0)));

    let window = estimate(&queue, &times, 10.0).window(now);
    criterion.bench_function("schedule", |b| b.iter(|| schedule::poll_after_ms(black_box(&window), now)));

    let record = record(window);
    criterion.bench_function("status encoding", |b| {
        b.iter(|| serde_json::to_vec(&black_box(&record).status_object(None)).expect("it is JSON"));
    });

    let (schema, body) = (OrderSchema::built_in(), orders::fulfilment().to_string());
    criterion.bench_function("validation", |b| {
        b.iter(|| {
            let document = OrderDocument::parse(black_box(body.clone()).into_bytes()).expect("it is a document");
            schema.validate(&document).expect("it is valid")
        });
    });

    let keys = TokenKeys::parse(SECRET).expect("it is long enough");
    let until = now + TimeDelta::days(37);
    criterion.bench_function("token", |b| b.iter(|| keys.sign(black_box(record.order.id), Access::Full, until)));
}

fn record(window: EtaWindow) -> OrderRecord {
    let mut order = fixtures::order(clock::now());
    order.payload = Payload::stored(orders::fulfilment().to_string()).expect("it is JSON");
    order.renew = format!("https://api.example.com/order/{}", order.id);
    OrderRecord::new(order, window, 12_400)
}
