use super::*;

const RULES: Rules = Rules {
    progress: ProgressWrites::Some,
    interval: Duration::from_secs(10),
    processing_after: Duration::from_millis(500),
};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

fn window(lo: i64, mid: i64, hi: i64) -> EtaWindow {
    EtaWindow { earliest_at: at(lo), at: at(mid), latest_at: at(hi) }
}

/// What is done in work of so many seconds, whose percentage grows evenly and is reported each
/// second, from its start at 0.
fn steps(mut publication: Publication, seconds: u32, reports: bool, subscribed: bool) -> Vec<(f64, Step)> {
    let (mut steps, mut ran, mut known) = (Vec::new(), 0.0, window(0, i64::from(seconds), i64::from(seconds)));
    while ran < f64::from(seconds) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
        let percent = (100.0 * f64::floor(ran) / f64::from(seconds)) as u8;
        let latest = reports.then(|| ProgressReport::new(percent, None));
        if publication.next(latest.as_ref(), subscribed).is_some_and(|next| next <= secs(ran)) {
            let step = publication.decide(latest.as_ref(), subscribed, Some(&known), secs(ran));
            if step != Step::Nothing {
                known = publication.window(latest.as_ref(), Some(&known), secs(ran)).unwrap();
                steps.push((ran, step));
            }
            let next = publication.next(latest.as_ref(), subscribed);
            assert!(next.is_none_or(|next| next > secs(ran)), "decided, at {ran}: {next:?}");
        }
        ran += 0.25;
    }
    steps
}

fn puts(publication: Publication, seconds: u32) -> Vec<f64> {
    let published = |(ran, step)| (step == Step::Publish).then_some(ran);
    steps(publication, seconds, true, false).into_iter().filter_map(published).collect()
}

fn attempt(progress: ProgressWrites, first_poll: Option<i64>) -> Publication {
    Publication::new(Rules { progress, ..RULES }, at(0), first_poll.map(at), at(0))
}

#[test]
fn an_order_is_published_just_before_its_first_poll_if_it_still_runs() {
    let publication = attempt(ProgressWrites::Off, Some(40));
    assert!(puts(publication.clone(), 35).is_empty());
    // A client's first wait may be a tenth shorter.
    let [first] = puts(publication, 60)[..] else { panic!("one") };
    assert!((35.0..36.0).contains(&first), "{first}");
}

#[test]
fn short_work_is_published_as_its_end_alone() {
    assert!(puts(attempt(ProgressWrites::Some, Some(1)), 2).is_empty());
    assert_eq!(puts(attempt(ProgressWrites::Off, Some(1)), 10), [2.5]);
    assert_eq!(puts(attempt(ProgressWrites::Off, None), 10), [2.5], "polled before");
    assert_eq!(puts(attempt(ProgressWrites::Live, Some(40)), 2), [0.5]);
}

#[test]
fn a_later_attempt_counts_from_its_own_begin() {
    let publication = Publication::new(RULES, at(0), Some(at(40)), at(100));
    assert_eq!(publication.next(None, false), Some(SHORT));
    let publication = Publication::new(RULES, at(0), Some(at(40)), at(30));
    assert_eq!(publication.next(None, false), Some(secs(40.0 * 0.9 - 0.25 - 30.0)));
}

#[test]
fn progress_for_people_has_a_budget() {
    assert_eq!(puts(attempt(ProgressWrites::Off, Some(5)), 600).len(), 1);
    let some = puts(attempt(ProgressWrites::Some, Some(5)), 600);
    assert_eq!(some, [4.25, 150.0, 300.0, 450.0]);
    assert_eq!(puts(attempt(ProgressWrites::Some, Some(5)), 8).len(), 1, "no more often than the interval");
    assert!(puts(attempt(ProgressWrites::Live, Some(5)), 600).len() >= 55);
}

#[test]
fn a_window_that_saves_many_polls_is_published_at_once() {
    let mut publication = attempt(ProgressWrites::Off, Some(1));
    assert_eq!(publication.decide(None, false, None, secs(2.5)), Step::Publish);
    // A twentieth in 12 s, of what should end about now: four minutes of polls in vain.
    let slow = ProgressReport::new(5, None);
    assert_eq!(publication.next(Some(&slow), false), Some(secs(4.5)));
    assert_eq!(publication.decide(Some(&slow), false, Some(&window(11, 12, 13)), secs(12.0)), Step::Publish);
    let as_expected = ProgressReport::new(6, None);
    assert_eq!(publication.decide(Some(&as_expected), false, Some(&window(230, 240, 250)), secs(15.0)), Step::Nothing);
    assert_eq!(publication.next(Some(&as_expected), false), None, "considered");
}

#[test]
fn subscribers_are_notified_at_once_and_without_a_put() {
    let all = steps(attempt(ProgressWrites::Off, Some(1_000)), 45, true, true);
    let expected = [0.5, 10.5, 20.5, 30.5, 40.5].map(|ran| (ran, Step::Record));
    assert_eq!(all, expected);
    let silent = steps(attempt(ProgressWrites::Off, Some(1_000)), 45, false, true);
    assert_eq!(silent, [(0.5, Step::Notify)], "nothing new to be notified of");
}

#[test]
fn a_window_in_an_object_says_when_to_poll_as_of_its_writing() {
    let publication = attempt(ProgressWrites::Off, Some(20));
    let report = ProgressReport::new(50, None);
    let eta = publication.window(Some(&report), None, secs(30.0)).unwrap();
    assert_eq!(eta.at, at(60));
    let wait = publication.poll_after_ms(&eta, secs(30.0));
    assert!((27_000..31_000).contains(&wait), "{wait}");
    let known = window(10, 20, 30);
    assert_eq!(publication.window(None, Some(&known), secs(3.0)), Some(known));
}
