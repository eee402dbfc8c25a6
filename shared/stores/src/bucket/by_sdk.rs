//! The same through the SDK.

use aws_sdk_s3::{config, primitives::ByteStream};
use aws_smithy_types::{error::metadata::ProvideErrorMetadata as _, timeout::TimeoutConfig};
use bytes::Bytes;

use super::{ANY, Body, Bucket, DELETE, Error, GET, HEAD, If, Kind, NewObject, NotRead, PUT, Patience};

impl Bucket {
    pub(super) async fn put_by_sdk(&self, key: &str, object: NewObject<'_>) -> Result<String, Error> {
        let NewObject { content_type, cache_control, disposition, condition, body, patience } = object;
        let put = self.client.put_object().bucket(&*self.name).key(key).content_type(content_type);
        let put = put.set_cache_control(cache_control.map(str::to_owned)).set_content_disposition(disposition);
        let put = match condition {
            None => put,
            Some(If::Absent) => put.if_none_match(ANY),
            Some(If::Match(etag)) => put.if_match(etag),
        };
        let body = match body {
            Body::Bytes(bytes) => ByteStream::from(bytes),
            Body::File(path) => {
                let body = ByteStream::from_path(path).await;
                body.map_err(|e| Error::new(Kind::Invalid, PUT, e.to_string()))?
            }
        };
        let mut put = put.body(body).customize();
        if let Some(Patience { attempt, whole }) = patience {
            let timeouts = TimeoutConfig::builder().operation_attempt_timeout(attempt).operation_timeout(whole);
            put = put.config_override(config::Builder::new().timeout_config(timeouts.build()));
        }
        let sent = Box::pin(put.send()).await;
        sent.map(|put| put.e_tag.unwrap_or_default()).map_err(|e| Error::of(PUT, &e))
    }

    pub(super) async fn get_by_sdk(&self, key: &str) -> Result<(String, Bytes), NotRead> {
        let got = Box::pin(self.client.get_object().bucket(&*self.name).key(key).send()).await;
        let object = got.map_err(|e| {
            let code = e.code().unwrap_or_default().to_owned();
            NotRead { code, error: Error::of(GET, &e) }
        })?;
        let etag = object.e_tag.unwrap_or_default();
        let body = object
            .body
            .collect()
            .await
            .map_err(|e| NotRead { code: String::new(), error: Error::new(Kind::Unavailable, GET, e.to_string()) })?;
        Ok((etag, body.into_bytes()))
    }

    pub(super) async fn head_by_sdk(&self, key: &str) -> Result<(), Error> {
        let head = self.client.head_object().bucket(&*self.name).key(key);
        Box::pin(head.send()).await.map(drop).map_err(|e| Error::of(HEAD, &e))
    }

    pub(super) async fn delete_by_sdk(&self, key: &str) -> Result<(), Error> {
        let delete = self.client.delete_object().bucket(&*self.name).key(key);
        Box::pin(delete.send()).await.map(drop).map_err(|e| Error::of(DELETE, &e))
    }
}
