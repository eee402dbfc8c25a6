//! The polls that clients in other languages must make: `clients/golden/schedule.json`, which their
//! tests read. `UPDATE_GOLDEN=1 cargo test -p offload-domain --test schedule_golden` updates it.

use std::path::Path;

use offload_domain::schedule::Schedule;
use serde::{Deserialize, Serialize};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Golden {
    lo: f64,
    /// `null` for NaN.
    hi: Option<f64>,
    /// For each poll: the newer window that it returned, if any.
    moves: Vec<Option<(f64, f64)>>,
    polls: Vec<f64>,
}

fn golden(lo: f64, hi: f64, moves: &[Option<(f64, f64)>]) -> Golden {
    let mut s = Schedule::new(lo, hi);
    let mut polls = vec![s.next_poll()];
    for newer in moves {
        s = newer.map_or_else(|| s.polled(), |(lo, hi)| s.window_changed(lo, hi));
        polls.push(s.next_poll());
    }
    Golden { lo, hi: hi.is_finite().then_some(hi), moves: moves.to_vec(), polls }
}

#[test]
fn clients_poll_when_the_service_says() {
    let (no, to) = (None, |lo, hi| Some((lo, hi)));
    let all = vec![
        golden(9.0, 20.1, &[no; 6]),
        golden(0.0, 0.0, &[no; 3]),
        golden(-3.0, f64::NAN, &[no; 2]),
        golden(0.8, 2.9, &[to(1.6, 1.9), no, no]),
        golden(10.0, 20.0, &[to(100.0, 120.0), no, to(101.0, 104.5), no, no]),
        golden(100.0, 120.0, &[to(1.0, 2.0), no, no, no, no, no, no, no]),
        golden(30.0, 10.0, &[no, to(50.0, 45.0), no]),
        golden(180.0, 220.0, &[no; 10]),
        golden(3_600.0, 7_200.0, &[no, to(3_500.0, 7_300.0), no, no, no, no]),
    ];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../clients/golden/schedule.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let lines: Vec<String> = all.iter().map(|g| format!("  {}", serde_json::to_string(g).expect("JSON"))).collect();
        std::fs::write(&path, format!("[\n{}\n]\n", lines.join(",\n"))).expect("to write");
    }
    let text = std::fs::read_to_string(&path).expect("it is committed");
    let known: Vec<Golden> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        known, all,
        "the schedule has changed: UPDATE_GOLDEN=1 updates the file, and the clients must change too"
    );
}
