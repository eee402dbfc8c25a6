#!/usr/bin/env python3
"""Runs api and worker, and checks what they say of themselves: the trace of an order, as a
collector of others gets it, the metrics, and the alerts: `just telemetry`.

Needs Debian's package prometheus. The servers are moto's, of PyPI. `--collector` names a program of
the OpenTelemetry collector with the receiver `otlp` and the exporter `file`, instead of the
messages of PyPI's opentelemetry-proto. Prints a line for each promise.
"""

import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "compat"))

import alerts
import collector
import packages
import scrapes
import traces
from system import System
from wire import free_port, recorder, request, until

failed = 0


def promise(check, *args):
    global failed
    try:
        check(*args)
        print(f"ok      {check.__name__}", flush=True)
    except Exception as e:  # noqa: BLE001: each is printed, and the others are checked
        failed += 1
        print(f"FAILED  {check.__name__}: {type(e).__name__}: {str(e)[:2000]}", flush=True)


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--programs", type=pathlib.Path, default=packages.TARGET / "debug", help="the folder of offload-api and offload-worker")
    args.add_argument("--collector", type=pathlib.Path, help="a program of the OpenTelemetry collector")
    args.add_argument("--only", choices=["traces", "metrics", "alerts"], help="one part of it")
    args = args.parse_args()
    packages.require()

    promise(scrapes.the_rules_are_accepted)
    promise(scrapes.every_alert_links_to_the_runbook)
    promise(alerts.each_alert_fires_when_it_should_and_no_sooner)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
        moto = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "MOTO_PORT": str(port)})
        servers = dict.fromkeys(("moto", "s3", "sqs", "dynamodb"), url)
        until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        try:
            if args.only in (None, "traces"):
                check_traces(servers, args, pathlib.Path(folder))
            if args.only in (None, "metrics", "alerts"):
                check_metrics(servers, args, moto)
        finally:
            moto.terminate()
            moto.wait()
    return 1 if failed else 0


def check_traces(servers, args, folder):
    with collector.of_others(args.collector) if args.collector else collector.kept() as receiver:
        # Sent soon, so that the tests need not wait; the end is tested with the default.
        quick = {**receiver.environment(), "OTEL_BSP_SCHEDULE_DELAY": "500"}
        command = {"OFFLOAD_PROCESSOR": "command", "OFFLOAD_COMMAND": traces.program(folder), "OFFLOAD_RETRY_BASE_SECONDS": "0"}
        worker = {**command, "OFFLOAD_JOB_SECONDS": None}
        system = System(servers, args.programs, worker=worker, **quick, OFFLOAD_EVENT_TOPIC_ARN=None)
        promise(traces.the_trace_of_an_order_is_one, system, receiver)
        system.stop()
        system = System(servers, args.programs, **receiver.environment(), OFFLOAD_EVENT_TOPIC_ARN=None)
        promise(traces.a_wrong_variable_stops_the_start, system)
        promise(traces.nothing_is_lost_at_the_end, system, receiver)
        promise(traces.a_collector_that_is_down_stops_nothing, servers, args.programs)
        for program in (system.api_program, system.worker):
            program.kill()


def exercise(system, moto):
    """One of everything that is counted: a metric without a value is not in a scrape."""
    with recorder() as webhook:
        options = {"webhook_url": webhook.url, "labels": {"customer": "c1"}}
        items = [{"sku": "A", "quantity": 1}]
        system.done(system.order({"kind": "fulfilment", "items": items, "options": options}))
        until("the webhook is called", lambda: webhook.calls)
        until("it is recorded", system.has_notified)
    moto.send_signal(signal.SIGSTOP)
    try:
        status, _, _ = request("POST", f"{system.api}/order", {"kind": "report", "rows": 1})
        assert status == 503, status
    finally:
        moto.send_signal(signal.SIGCONT)
    until("the api is ready again", system.ready)


def check_metrics(servers, args, moto):
    admin = f"127.0.0.1:{free_port()}"
    labels = {"OFFLOAD_METRIC_LABELS": "customer"}
    system = System(servers, args.programs, OFFLOAD_WORKER_ADMIN_LISTEN=admin, OFFLOAD_EVENT_TOPIC_ARN=None, **labels)
    try:
        api, worker = f"{system.api}/metrics", f"http://{admin}/metrics"
        exercise(system, moto)
        if args.only != "alerts":
            promise(scrapes.promtool_accepts_the_scrapes, [api, worker])
            promise(scrapes.every_metric_of_dashboard_and_rules_exists, [api, worker])
            promise(scrapes.the_reference_has_exactly_the_metrics, api, worker)
        if args.only != "metrics":
            targets = {"offload-api": system.api.removeprefix("http://"), "offload-worker": admin}
            promise(alerts.alerts_fire_when_it_breaks_and_are_silent_before, system, targets, moto)
    finally:
        for program in (system.api_program, system.worker):
            program.kill()
            program.wait()


sys.exit(main())
