//! Objects: headers, listings, tags, copies and multipart uploads.

use crate::clients::Clients;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier,
};

const MIB: usize = 1024 * 1024;

async fn bucket() -> Clients {
    let clients = Clients::start().await;
    clients.s3.create_bucket().bucket("bucket").send().await.unwrap();
    clients
}

async fn put(clients: &Clients, key: &str, body: &'static [u8]) {
    clients.s3.put_object().bucket("bucket").key(key).body(ByteStream::from_static(body)).send().await.unwrap();
}

#[tokio::test]
async fn an_object_comes_back_with_its_headers_and_metadata() {
    let clients = bucket().await;
    let key = "odd /key+with%20ünï&code?.json";
    clients
        .s3
        .put_object()
        .bucket("bucket")
        .key(key)
        .content_type("application/json")
        .cache_control("no-cache")
        .content_disposition("attachment")
        .content_language("en")
        .metadata("trace", "abc")
        .tagging("state=final&kind=report")
        .body(ByteStream::from_static(b"0123456789"))
        .send()
        .await
        .unwrap();
    let get = clients.s3.get_object().bucket("bucket").key(key).send().await.unwrap();
    assert_eq!(get.content_type(), Some("application/json"));
    assert_eq!(get.cache_control(), Some("no-cache"));
    assert_eq!(get.content_disposition(), Some("attachment"));
    assert_eq!(get.content_language(), Some("en"));
    assert_eq!(get.metadata().unwrap()["trace"], "abc");
    assert_eq!(get.tag_count(), Some(2));
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), &b"0123456789"[..]);

    let part = clients.s3.get_object().bucket("bucket").key(key).range("bytes=2-4").send().await.unwrap();
    assert_eq!(part.content_range(), Some("bytes 2-4/10"));
    assert_eq!(part.body.collect().await.unwrap().into_bytes(), &b"234"[..]);
    let beyond = clients.s3.get_object().bucket("bucket").key(key).range("bytes=20-").send().await.unwrap_err();
    assert_eq!(beyond.raw_response().unwrap().status().as_u16(), 416);

    let head = clients.s3.head_object().bucket("bucket").key(key).send().await.unwrap();
    assert_eq!((head.content_length(), head.content_type()), (Some(10), Some("application/json")));
    let get = clients.s3.get_object().bucket("bucket").key(key);
    let overridden = get.response_content_type("text/plain").response_cache_control("max-age=1").send().await.unwrap();
    assert_eq!((overridden.content_type(), overridden.cache_control()), (Some("text/plain"), Some("max-age=1")));
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let clients = bucket().await;
    put(&clients, "empty", b"").await;
    let get = clients.s3.get_object().bucket("bucket").key("empty").send().await.unwrap();
    assert_eq!(get.e_tag(), Some("\"d41d8cd98f00b204e9800998ecf8427e\""));
    assert!(get.body.collect().await.unwrap().into_bytes().is_empty());
}

#[tokio::test]
async fn a_missing_resource_is_named() {
    let clients = bucket().await;
    let key = clients.s3.get_object().bucket("bucket").key("none").send().await.unwrap_err();
    assert_eq!((key.raw_response().unwrap().status().as_u16(), key.code()), (404, Some("NoSuchKey")));
    let bucket = clients.s3.get_object().bucket("no-such-bucket").key("k").send().await.unwrap_err();
    assert_eq!((bucket.raw_response().unwrap().status().as_u16(), bucket.code()), (404, Some("NoSuchBucket")));
    let put = clients.s3.put_object().bucket("no-such-bucket").key("k").body(ByteStream::from_static(b"x"));
    assert_eq!(put.send().await.unwrap_err().code(), Some("NoSuchBucket"));
    let head = clients.s3.head_object().bucket("bucket").key("none").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 404);
    assert!(clients.s3.delete_object().bucket("bucket").key("none").send().await.is_ok());
}

#[tokio::test]
async fn checksums_are_verified_and_returned() {
    let clients = bucket().await;
    for algorithm in
        [ChecksumAlgorithm::Crc32, ChecksumAlgorithm::Crc32C, ChecksumAlgorithm::Sha256, ChecksumAlgorithm::Crc64Nvme]
    {
        let put = clients.s3.put_object().bucket("bucket").key("k").checksum_algorithm(algorithm.clone());
        put.body(ByteStream::from_static(b"checked")).send().await.unwrap();
        let get = clients
            .s3
            .get_object()
            .bucket("bucket")
            .key("k")
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await
            .unwrap();
        let checksums =
            [get.checksum_crc32(), get.checksum_crc32_c(), get.checksum_sha256(), get.checksum_crc64_nvme()];
        assert_eq!(checksums.iter().flatten().count(), 1, "{algorithm:?}");
        // The SDK compares it with what it reads.
        get.body.collect().await.unwrap();
    }
    let wrong = clients
        .s3
        .put_object()
        .bucket("bucket")
        .key("k")
        .checksum_sha256("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    let wrong = wrong.body(ByteStream::from_static(b"other")).send().await.unwrap_err();
    assert_eq!((wrong.raw_response().unwrap().status().as_u16(), wrong.code()), (400, Some("BadDigest")));
}

#[tokio::test]
async fn a_streamed_body_with_a_trailing_checksum_is_stored() {
    let clients = bucket().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let content: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(file.path(), &content).unwrap();
    let body = ByteStream::from_path(file.path()).await.unwrap();
    clients.s3.put_object().bucket("bucket").key("streamed").body(body).send().await.unwrap();
    let get = clients.s3.get_object().bucket("bucket").key("streamed").send().await.unwrap();
    assert_eq!(get.content_encoding(), None, "the transfer's encoding is not the object's");
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), content);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let clients = bucket().await;
    let put = clients.s3.put_object().bucket("bucket").key("large").body(vec![0; 64 * MIB + 1].into());
    // The response may come before the whole body was sent; it is only certain that nothing was
    // stored.
    assert!(put.send().await.is_err());
    assert!(clients.s3.head_object().bucket("bucket").key("large").send().await.is_err());
}

#[tokio::test]
async fn a_listing_has_pages_and_common_prefixes() {
    let clients = bucket().await;
    for key in ["a/1", "a/2", "b", "c/x/1", "c/y/2", "d", "é"] {
        put(&clients, key, b"x").await;
    }
    let list = || clients.s3.list_objects_v2().bucket("bucket");
    let mut keys = Vec::new();
    let mut pages = 0;
    let mut paginator = list().max_keys(3).into_paginator().send();
    while let Some(page) = paginator.next().await {
        let page = page.unwrap();
        pages += 1;
        keys.extend(page.contents().iter().map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(keys, ["a/1", "a/2", "b", "c/x/1", "c/y/2", "d", "é"]);
    assert_eq!(pages, 3);

    let folded = list().delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = folded.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    assert_eq!(prefixes, ["a/", "c/"]);
    assert_eq!(folded.key_count(), Some(5));
    let within = list().prefix("c/").delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = within.common_prefixes().iter().map(|prefix| prefix.prefix().unwrap()).collect();
    assert_eq!(prefixes, ["c/x/", "c/y/"]);
    let two = list().delimiter("/").max_keys(2).send().await.unwrap();
    assert_eq!((two.is_truncated(), two.key_count()), (Some(true), Some(2)));
    let rest = list().delimiter("/").continuation_token(two.next_continuation_token().unwrap()).send().await.unwrap();
    assert_eq!(rest.key_count(), Some(3));
    let after = list().start_after("b").max_keys(1).send().await.unwrap();
    assert_eq!(after.contents()[0].key(), Some("c/x/1"));

    let older = || clients.s3.list_objects().bucket("bucket").delimiter("/").max_keys(2);
    let first = older().send().await.unwrap();
    assert_eq!((first.contents()[0].key(), first.common_prefixes()[0].prefix()), (Some("b"), Some("a/")));
    let next = older().marker(first.next_marker().unwrap()).send().await.unwrap();
    assert_eq!((next.contents()[0].key(), next.common_prefixes()[0].prefix()), (Some("d"), Some("c/")));
    let rest = older().marker(next.next_marker().unwrap()).send().await.unwrap();
    assert_eq!((rest.contents()[0].key(), rest.is_truncated()), (Some("é"), Some(false)));
}

#[tokio::test]
async fn many_objects_are_deleted_at_once() {
    let clients = bucket().await;
    for key in ["1", "2", "3"] {
        put(&clients, key, b"x").await;
    }
    let ids = ["1", "2", "absent"].map(|key| ObjectIdentifier::builder().key(key).build().unwrap());
    let delete = Delete::builder().set_objects(Some(ids.into())).build().unwrap();
    let response = clients.s3.delete_objects().bucket("bucket").delete(delete).send().await.unwrap();
    assert_eq!((response.deleted().len(), response.errors().len()), (3, 0));
    let full = clients.s3.delete_bucket().bucket("bucket").send().await.unwrap_err();
    assert_eq!(full.code(), Some("BucketNotEmpty"));
    clients.s3.delete_object().bucket("bucket").key("3").send().await.unwrap();
    clients.s3.delete_bucket().bucket("bucket").send().await.unwrap();
    assert_eq!(
        clients.s3.head_bucket().bucket("bucket").send().await.unwrap_err().raw_response().unwrap().status().as_u16(),
        404
    );
}

#[tokio::test]
async fn a_copy_has_the_body_and_tags_of_its_source() {
    let clients = bucket().await;
    let source = clients.s3.put_object().bucket("bucket").key("from").content_type("text/csv").tagging("a=1");
    source.body(ByteStream::from_static(b"1,2")).send().await.unwrap();
    clients.s3.copy_object().bucket("bucket").key("to").copy_source("bucket/from").send().await.unwrap();
    let copy = clients.s3.get_object().bucket("bucket").key("to").send().await.unwrap();
    assert_eq!(copy.content_type(), Some("text/csv"));
    let tags = clients.s3.get_object_tagging().bucket("bucket").key("to").send().await.unwrap();
    assert_eq!((tags.tag_set()[0].key(), tags.tag_set()[0].value()), ("a", "1"));
    clients.s3.delete_object_tagging().bucket("bucket").key("to").send().await.unwrap();
    let tags = clients.s3.get_object_tagging().bucket("bucket").key("to").send().await.unwrap();
    assert!(tags.tag_set().is_empty());
}

#[tokio::test]
async fn an_upload_in_parts_becomes_one_object() {
    let clients = bucket().await;
    let create =
        clients.s3.create_multipart_upload().bucket("bucket").key("big").content_type("text/csv").send().await.unwrap();
    let upload = create.upload_id.unwrap();
    let parts = [vec![b'a'; 5 * MIB], vec![b'b'; 17]];
    let mut completed = Vec::new();
    for (number, part) in (1..).zip(parts.clone()) {
        let put = clients.s3.upload_part().bucket("bucket").key("big").upload_id(&upload).part_number(number);
        let etag = put.body(part.into()).send().await.unwrap().e_tag.unwrap();
        completed.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let listed = clients.s3.list_parts().bucket("bucket").key("big").upload_id(&upload).send().await.unwrap();
    assert_eq!(listed.parts().len(), 2);
    let complete = |parts: Vec<CompletedPart>| {
        let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        clients.s3.complete_multipart_upload().bucket("bucket").key("big").upload_id(&upload).multipart_upload(whole)
    };
    let backwards = complete(completed.iter().rev().cloned().collect()).send().await.unwrap_err();
    assert_eq!(backwards.code(), Some("InvalidPartOrder"));
    let done = complete(completed).if_none_match("*").send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""), "{done:?}");
    let get = clients.s3.get_object().bucket("bucket").key("big").send().await.unwrap();
    assert_eq!(get.content_type(), Some("text/csv"));
    assert_eq!(get.body.collect().await.unwrap().into_bytes(), parts.concat());
    let gone =
        clients.s3.abort_multipart_upload().bucket("bucket").key("big").upload_id(&upload).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchUpload"));
}
