//! Conditional writes, by which a status object never goes back.

use crate::clients::Clients;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_sdk_s3::primitives::ByteStream;

const WRITERS: usize = 50;
const ROUNDS: usize = 10;

async fn bucket() -> Clients {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("status").send().await.unwrap();
    clients
}

fn code<R>(error: &SdkError<PutObjectError, R>) -> String {
    error.code().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_fifty_writers_with_the_same_etag_succeeds() {
    let clients = bucket().await;
    let first =
        clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"0")).send().await.unwrap();
    let mut etag = first.e_tag.unwrap();
    for round in 0..ROUNDS {
        let writers = (0..WRITERS).map(|writer| {
            let put = clients.s3.put_object().bucket("status").key("k").if_match(&etag);
            let body = format!("{round}/{writer}").into_bytes();
            tokio::spawn(async move { put.body(body.into()).send().await })
        });
        let mut winners = Vec::new();
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(put) => winners.push(put.e_tag.unwrap()),
                Err(error) => assert_eq!(code(&error), "PreconditionFailed"),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        etag = winners.remove(0);
        let stored = clients.s3.head_object().bucket("status").key("k").send().await.unwrap();
        assert_eq!(stored.e_tag.as_ref(), Some(&etag), "what is stored is the winner's");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_fifty_creators_succeeds() {
    let clients = bucket().await;
    let writers = (0..WRITERS).map(|writer| {
        let put = clients.s3.put_object().bucket("status").key("new").if_none_match("*");
        tokio::spawn(async move { put.body(writer.to_string().into_bytes().into()).send().await.is_ok() })
    });
    let mut winners = 0;
    for writer in writers.collect::<Vec<_>>() {
        winners += usize::from(writer.await.unwrap());
    }
    assert_eq!(winners, 1);
}

#[tokio::test]
async fn conditions_have_the_status_codes_of_s3() {
    let clients = bucket().await;
    let put = || clients.s3.put_object().bucket("status").key("k").body(ByteStream::from_static(b"x"));
    assert_eq!(code(&put().if_match("\"none\"").send().await.unwrap_err()), "NoSuchKey");
    let etag = put().send().await.unwrap().e_tag.unwrap();
    assert_eq!(code(&put().if_match("\"stale\"").send().await.unwrap_err()), "PreconditionFailed");
    assert_eq!(code(&put().if_none_match("*").send().await.unwrap_err()), "PreconditionFailed");
    assert_eq!(code(&put().if_none_match(&etag).send().await.unwrap_err()), "NotImplemented");
    put().if_match(&etag).send().await.unwrap();

    let get = || clients.s3.get_object().bucket("status").key("k");
    let stale = get().if_match("\"stale\"").send().await.unwrap_err();
    assert_eq!(stale.raw_response().unwrap().status().as_u16(), 412);
    let same = get().if_none_match(&etag).send().await.unwrap_err();
    let same = same.raw_response().unwrap();
    assert_eq!(same.status().as_u16(), 304);
    assert_eq!(same.headers().get("etag"), Some(etag.as_str()));
    assert!(same.body().bytes().unwrap().is_empty());
}
