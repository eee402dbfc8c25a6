"""Moto's server, but for functions: moto would run them in containers, cannot, and drops what it
fed them. Here they are the real programs (promises.py)."""

import sys

from moto.awslambda.models import LambdaBackend
from moto.server import main

LambdaBackend.send_dynamodb_items = lambda *_: None
LambdaBackend.send_sqs_batch = lambda *_: False

main(sys.argv[1:])
