//! The simulation with some seeds; `just simulation` runs thousands.

use std::{path::Path, sync::Mutex};

use offload_verify::simulation::{Fleet, Report};

/// The program whose processes are the runs.
const PROGRAM: &str = env!("CARGO_BIN_EXE_simulation");

const SEEDS: u64 = 200;

#[test]
fn every_invariant_holds_whatever_the_network_and_the_clocks_do() {
    let _alone = crate::MACHINE.blocking_lock();
    let reports: Mutex<Vec<Report>> = Mutex::default();
    let fleet = Fleet::new(Path::new(PROGRAM)).expect("a C compiler");
    fleet
        .run_all(1, SEEDS, |report| reports.lock().expect("no panic").push(report.clone()))
        .expect("every run reports");
    let reports = reports.into_inner().expect("no panic");
    for report in &reports {
        assert!(report.holds(), "{report}\nreplay it: just simulation --replay {}", report.seed);
    }
    // A simulation in which nothing happens would hold too.
    let ended = |status: &str| reports.iter().filter_map(|report| report.statuses.get(status)).sum::<usize>();
    assert_eq!(reports.len() as u64, SEEDS);
    for status in ["completed", "failed", "cancelled"] {
        assert!(ended(status) > 20, "{status}: {}", ended(status));
    }
}

#[test]
fn the_same_seed_gives_the_same_run_call_by_call() {
    let _alone = crate::MACHINE.blocking_lock();
    let fleet = Fleet::new(Path::new(PROGRAM)).expect("a C compiler");
    for seed in [7, 8] {
        let first = fleet.run(seed, false).expect("a report");
        assert_eq!(fleet.run(seed, false).expect("a report"), first);
        assert!(first.calls > 100, "{first}");
    }
}
