"""POST /order, by FastAPI and aioboto3."""

import asyncio
import json
import os
import time
import uuid
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aioboto3
import uvicorn
from aiobotocore.config import AioConfig
from fastapi import Body, FastAPI, Response

from orders import Accepted, Links, Order, Status, estimate, now, status_key, window

BUCKET, TABLE, QUEUE = (os.environ[f"OFFLOAD_{name}"] for name in ("BUCKET", "TABLE", "QUEUE_URL"))
LISTEN = os.environ["OFFLOAD_LISTEN"]
URL_LIVES = 900
KEPT = timedelta(days=37)


class Depth:
    """The depth of the queue, a second old at most."""

    def __init__(self, sqs):
        self.sqs, self.value, self.read_at, self.lock = sqs, 0, -1.0, asyncio.Lock()

    async def get(self) -> int:
        if time.monotonic() - self.read_at > 1 and not self.lock.locked():
            async with self.lock:
                names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
                answer = await self.sqs.get_queue_attributes(QueueUrl=QUEUE, AttributeNames=names)
                self.value = sum(int(answer["Attributes"][name]) for name in names)
                self.read_at = time.monotonic()
        return self.value


@asynccontextmanager
async def lifespan(app: FastAPI):
    config = AioConfig(
        max_pool_connections=200,
        request_checksum_calculation="when_required",
        s3={"addressing_style": "path"},
        signature_version="s3v4",
    )
    session = aioboto3.Session()
    async with AsyncExitStack() as clients:
        enter = lambda service: clients.enter_async_context(session.client(service, config=config))  # noqa: E731
        app.state.s3, app.state.sqs, app.state.dynamodb = [await enter(s) for s in ("s3", "sqs", "dynamodb")]
        app.state.depth = Depth(app.state.sqs)
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/order", status_code=202)
async def accept(order: Order = Body(), *, response: Response) -> Accepted:
    s3, sqs, dynamodb = app.state.s3, app.state.sqs, app.state.dynamodb
    id, created = str(uuid.uuid4()), now()
    key, renew = status_key(id), f"http://{LISTEN}/order/{id}"
    eta = estimate(await app.state.depth.get(), created)
    poll_after_ms = round(eta.seconds * 1000)
    status = Status(
        id=id, status="pending", created_at=created, updated_at=created, eta=window(eta, created), poll_after_ms=poll_after_ms, renew=renew
    )
    row = {
        "id": {"S": id},
        "payload": {"S": order.model_dump_json(exclude_none=True)},
        "status": {"S": "pending"},
        "revision": {"N": "1"},
        "attempt": {"N": "0"},
        "created_at": {"S": created.isoformat()},
        "updated_at": {"S": created.isoformat()},
        "renew": {"S": renew},
        "expires_at": {"N": str(int((created + KEPT).timestamp()))},
    }
    await asyncio.gather(
        dynamodb.put_item(TableName=TABLE, Item=row, ConditionExpression="attribute_not_exists(id)"),
        s3.put_object(
            Bucket=BUCKET,
            Key=key,
            Body=status.model_dump_json().encode(),
            ContentType="application/json",
            CacheControl="no-cache",
            IfNoneMatch="*",
        ),
        sqs.send_message(QueueUrl=QUEUE, MessageBody=json.dumps({"v": 1, "id": id, "key": key})),
    )
    url = await s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": key}, ExpiresIn=URL_LIVES)
    response.headers["Location"] = f"/order/{id}"
    response.headers["Retry-After"] = str(-(-poll_after_ms // 1000))
    return Accepted(
        id=id,
        status="pending",
        status_url=url,
        status_url_expires_at=created + timedelta(seconds=URL_LIVES),
        eta=eta,
        poll_after_ms=poll_after_ms,
        links=Links(self=f"/order/{id}"),
    )


if __name__ == "__main__":
    host, port = LISTEN.split(":")
    uvicorn.run(app, host=host, port=int(port), loop="uvloop", http="httptools", access_log=False, log_level="warning")
