"""Step Functions tasks: on moto, and call by call beside botocore."""

import json
import time

from judge import signed_as_by_botocore
from system import later, slow
from wire import recorder, request, until


def a_step_functions_task_is_ended(s):
    sfn, sqs = s.client("stepfunctions", s.servers["moto"]), s.client("sqs", s.servers["moto"])
    request("POST", f"{s.servers['moto']}/moto-api/config", {"stepfunctions": {"execute_state_machine": True}})
    queue = sqs.create_queue(QueueName=f"{s.name}-tokens")["QueueUrl"]
    task = {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
        "Parameters": {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}},
    }  # fmt: skip
    definition = json.dumps({"StartAt": "Order", "States": {"Order": task}})
    machine = sfn.create_state_machine(name=s.name, definition=definition, roleArn="arn:aws:iam::123456789012:role/any")["stateMachineArn"]

    def started():
        # Moto makes one of two executions without a name.
        execution = sfn.start_execution(stateMachineArn=machine, name=f"e-{time.monotonic_ns()}")["executionArn"]
        receive = lambda: sqs.receive_message(QueueUrl=queue).get("Messages")  # noqa: E731
        (message,) = until("the task sends its token", receive)
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return execution, json.loads(message["Body"])["token"]

    def ended(execution):
        return until("the execution ends", lambda: (e := sfn.describe_execution(executionArn=execution))["status"] != "RUNNING" and e)

    execution, token = started()
    done = s.done(s.order(slow(task_token=token)))
    end = ended(execution)
    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", done), end
    execution, token = started()
    s.cancel(s.order(later(task_token=token)))
    end = ended(execution)
    assert (end["status"], end["error"]) == ("FAILED", "OrderCancelled"), end


def the_calls_to_step_functions_match_botocore(s):
    with recorder() as states, recorder() as judge, s.another(AWS_ENDPOINT_URL_SFN=states.url) as other:
        sdk = other.client("stepfunctions", judge.url)
        operations = {
            "AWSStepFunctions.SendTaskHeartbeat": sdk.send_task_heartbeat,
            "AWSStepFunctions.SendTaskSuccess": sdk.send_task_success,
            "AWSStepFunctions.SendTaskFailure": sdk.send_task_failure,
        }
        called = lambda: {c.headers["x-amz-target"] for c in list(states.calls)}  # noqa: E731
        done = other.done(other.order(slow(task_token="completes")))
        failed = other.done(other.order(slow(task_token="fails", deadline_seconds=1)))
        until("every operation is called", lambda: called() == set(operations))
        for call in states.calls:
            body = json.loads(call.body)
            operations[call.headers["x-amz-target"]](**body)
            same = judge.calls.pop()
            assert (call.method, call.path, body) == (same.method, same.path, json.loads(same.body)), call
            for header in ("x-amz-target", "content-type"):
                assert call.headers[header] == same.headers[header], (header, call.headers[header], same.headers[header])
            signed_as_by_botocore(other, call, states.url, "states")
            signed_as_by_botocore(other, same, judge.url, "states")
            if "output" in body:
                assert (body["taskToken"], json.loads(body["output"])) == ("completes", done), body
            if "cause" in body:
                assert (body["taskToken"], json.loads(body["cause"])) == ("fails", failed["error"]), body
