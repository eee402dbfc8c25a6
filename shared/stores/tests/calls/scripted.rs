//! An AWS that answers as a test says.

use std::{
    fmt,
    future::{pending, ready},
    sync::{Arc, Mutex},
};

use http::{Request, Response};
use offload_service::settings::{StoreSettings, catalogue as c, from_values};
use offload_stores::{Answer, CallPolicy, Connection, Endpoints, Stores, Transport};

/// What comes back for a request, or nothing, ever.
type Respond = dyn Fn(usize, &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> + Send + Sync;

/// Answers the requests in the order in which they come, and keeps them.
pub(crate) struct Scripted {
    respond: Box<Respond>,
    received: Mutex<Vec<Request<Vec<u8>>>>,
}

impl Scripted {
    /// `respond` gets the number of the request, from 0, and the request.
    pub(crate) fn new(
        respond: impl Fn(usize, &Request<Vec<u8>>) -> Option<Response<Vec<u8>>> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { respond: Box::new(respond), received: Mutex::default() })
    }

    /// The requests so far.
    pub(crate) fn received(&self) -> Vec<Request<Vec<u8>>> {
        self.received.lock().unwrap().clone()
    }

    /// The stores, whose every call comes here. `calls` is `direct` or `sdk`.
    pub(crate) async fn stores(self: &Arc<Self>, calls: &str) -> Stores {
        let endpoint = |service: &str| format!("http://{service}.example:8000");
        let endpoints = Endpoints {
            s3: endpoint("s3"),
            sqs: endpoint("sqs"),
            dynamodb: endpoint("dynamodb"),
            region: "eu-west-1".to_owned(),
            access_key_id: "AKID".to_owned(),
            secret_access_key: "secret".to_owned(),
        };
        let transport: Arc<dyn Transport> = Arc::<Self>::clone(self);
        let queue = "http://sqs.example:8000/1/q";
        let values = [(c::BUCKET, "bucket"), (c::QUEUE_URL, queue), (c::TABLE, "orders"), (c::AWS_CALLS, calls)];
        let settings: StoreSettings = from_values(values).unwrap();
        Connection::through(transport, endpoints, CallPolicy::INTERACTIVE).await.stores(&settings).await.unwrap()
    }
}

impl Transport for Scripted {
    fn send(&self, request: Request<Vec<u8>>) -> Answer {
        let mut received = self.received.lock().unwrap();
        let response = (self.respond)(received.len(), &request);
        received.push(request);
        match response {
            Some(response) => Box::pin(ready(Ok(response))),
            None => Box::pin(pending()),
        }
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scripted")
    }
}

/// An answer.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Response<Vec<u8>>> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Some(response.body(body.as_bytes().to_vec()).unwrap())
}

/// An error as S3 answers it.
pub(crate) fn s3_error(status: u16, code: &str) -> Option<Response<Vec<u8>>> {
    answer(status, &[], &format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>no</Message></Error>"))
}

/// An error as SQS and DynamoDB answer it.
pub(crate) fn json_error(status: u16, code: &str) -> Option<Response<Vec<u8>>> {
    let kind = [("content-type", "application/x-amz-json-1.0")];
    answer(status, &kind, &format!("{{\"__type\":\"com.amazonaws.example#{code}\",\"message\":\"no\"}}"))
}
