#!/usr/bin/env python3
"""Runs api and worker on servers of other projects, and drives them as a client does:
`just compat`.

The default is moto (PyPI), which this program installs into a folder of its own and starts. `--s3`,
`--sqs` and `--dynamodb` name other servers, such as MinIO, ElasticMQ and DynamoDB Local. SNS, Step
Functions and API Gateway are always those of moto. For what no such server has, a recorder takes
the calls, and botocore, a library or the documentation is the judge of them. Prints a line for each
promise; docs/reference/compatibility.md lists the differences.
"""

import argparse
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

import broadcast
import connections
import contract
import orders
import packages
import sns
import step_functions
import webhooks
from system import System
from wire import free_port, until

PROMISES = [
    orders.an_order_completes_and_its_object_is_revalidated,
    orders.a_hundred_orders_of_many_clients_complete,
    orders.the_same_key_gives_the_same_order,
    orders.a_report_is_linked_and_can_be_downloaded,
    orders.a_delayed_order_is_cancelled,
    orders.a_deadline_ends_an_order,
    orders.a_worker_that_is_killed_is_replaced,
    orders.a_dead_letter_ends_its_order,
    orders.a_tampered_url_is_refused,
    contract.the_http_contract_holds,
    webhooks.a_webhook_is_verified_by_the_libraries_of_standard_webhooks,
    sns.a_topic_gets_every_change_with_its_attributes,
    step_functions.a_step_functions_task_is_ended,
    step_functions.the_calls_to_step_functions_match_botocore,
    connections.a_connection_gets_every_change,
    connections.the_calls_to_a_connection_match_botocore,
    connections.a_connection_that_is_gone_is_unsubscribed,
    broadcast.an_appsync_channel_gets_every_change,
    broadcast.a_mercure_hub_gets_every_change,
]


def arguments():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("s3", "sqs", "dynamodb"):
        args.add_argument(f"--{name}", metavar="URL", help="a running server, in place of moto")
    programs = packages.TARGET / "debug"
    args.add_argument("--programs", type=pathlib.Path, default=programs, help="the folder of offload-api and offload-worker")
    args.add_argument("--differs", action="append", default=[], metavar="PROMISE", help="a promise that these servers are known not to keep")
    args = args.parse_args()
    if not args.s3:
        # Moto checks no signatures.
        args.differs.append("a_tampered_url_is_refused")
    return args


def failures(system, known):
    """Checks every promise; how many failed that are not known to."""
    failed = 0
    for promise in PROMISES:
        name = promise.__name__
        try:
            promise(system)
            print(f"ok      {name}", flush=True)
        except Exception as e:  # noqa: BLE001: each is printed, and the others are checked
            failed += name not in known
            print(f"{'differs' if name in known else 'FAILED '} {name}: {type(e).__name__}: {str(e)[:200]}", flush=True)
    return failed


def main():
    args = arguments()
    packages.require()
    with tempfile.TemporaryFile() as log:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [pathlib.Path(sys.executable).parent / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
        # Its state machines call itself, at the port that this variable names.
        moto = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "MOTO_PORT": str(port)})
        servers = {"moto": url, **{name: getattr(args, name) or url for name in ("s3", "sqs", "dynamodb")}}
        until("moto is ready", lambda: not socket.socket().connect_ex(("127.0.0.1", port)))
        try:
            system = System(servers, args.programs)
            failed = failures(system, args.differs)
            system.stop()
        finally:
            moto.terminate()
            moto.wait()
    return 1 if failed else 0


sys.exit(main())
