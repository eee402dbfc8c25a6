//! An overwrite of a status object by a role that may not list the bucket: to it S3 says 403 of
//! what is missing, and of what is there and may not be read.

use http::{Method, Request};
use offload_domain::{fixtures, id::OrderId};
use offload_service::clock;
use offload_stores::{Kind, Overwritten, Stores};
use serde_json::json;

use crate::scripted::{Scripted, answer, s3_error};

fn condition(request: &Request<Vec<u8>>) -> String {
    let named = |name: &str| Some(format!("{name}: {}", request.headers().get(name)?.to_str().unwrap()));
    named("if-match").or_else(|| named("if-none-match")).unwrap_or_else(|| "none".to_owned())
}

async fn overwrite(stores: &Stores) -> Result<Overwritten, offload_stores::Error> {
    let mut object = fixtures::record(clock::now()).status_object(None);
    object.revision = 5;
    stores.objects.overwrite(&object, Some("\"known\"")).await
}

#[tokio::test]
async fn an_object_made_between_a_refused_read_and_the_write_is_overwritten() {
    for calls in ["direct", "sdk"] {
        let stored = json!({"id": OrderId::new(clock::now()), "revision": 4}).to_string();
        // The object that was known is gone; another writer makes it anew, after our read and
        // before our write.
        let aws = Scripted::new(move |n, _| match n {
            0 | 2 => s3_error(412, "PreconditionFailed"),
            1 => s3_error(403, "AccessDenied"),
            3 => answer(200, &[("etag", "\"theirs\"")], &stored),
            _ => answer(200, &[("etag", "\"ours\"")], ""),
        });
        let written = overwrite(&aws.stores(calls).await).await.unwrap();
        assert_eq!(written, Overwritten::Written("\"ours\"".to_owned()), "{calls}");
        let puts: Vec<_> = aws.received().iter().filter(|r| r.method() == Method::PUT).map(condition).collect();
        assert_eq!(puts, ["if-match: \"known\"", "if-none-match: *", "if-match: \"theirs\""], "{calls}");
    }
}

#[tokio::test]
async fn a_role_that_may_not_read_gets_that_error_and_overwrites_nothing() {
    for calls in ["direct", "sdk"] {
        let aws = Scripted::new(|_, request| match *request.method() {
            Method::GET => s3_error(403, "AccessDenied"),
            _ => s3_error(412, "PreconditionFailed"),
        });
        let error = overwrite(&aws.stores(calls).await).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (Kind::Denied, "s3.GetObject"), "{calls}");
        assert_eq!(aws.received().len(), 4, "{calls}: two writes, each with a read after it");
    }
}

#[tokio::test]
async fn an_object_that_is_not_older_is_left_as_it_is() {
    for calls in ["direct", "sdk"] {
        let aws = Scripted::new(|n, _| match n {
            0 => s3_error(412, "PreconditionFailed"),
            _ => answer(200, &[("etag", "\"theirs\"")], "{\"revision\": 5}"),
        });
        assert_eq!(overwrite(&aws.stores(calls).await).await.unwrap(), Overwritten::NotOlder, "{calls}");
        assert_eq!(aws.received().len(), 2, "{calls}");
    }
}
