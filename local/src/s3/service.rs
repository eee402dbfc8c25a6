//! The operations of the stack's S3, each implemented in the module of its noun. Every other one is
//! `NotImplemented`.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketCorsInput, DeleteBucketCorsOutput, DeleteBucketInput,
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, DeleteBucketOutput, DeleteBucketPolicyInput,
    DeleteBucketPolicyOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectTaggingInput,
    DeleteObjectTaggingOutput, DeleteObjectsInput, DeleteObjectsOutput, GetBucketCorsInput, GetBucketCorsOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketPolicyInput, GetBucketPolicyOutput, GetObjectInput, GetObjectOutput,
    GetObjectTaggingInput, GetObjectTaggingOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutBucketCorsInput, PutBucketCorsOutput,
    PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput, PutBucketPolicyInput,
    PutBucketPolicyOutput, PutObjectInput, PutObjectOutput, PutObjectTaggingInput, PutObjectTaggingOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result};

use super::buckets::Buckets;
use super::{bucket, completion, configuration, copy, listing, multipart, object, read, tagging};

/// One method of the trait for each operation, which calls a function of the same signature.
macro_rules! operations {
    ($($operation:ident => $function:path: $input:ty, $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Buckets {
            $(async fn $operation(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $function(self, request).await
            })*
        }
    };
}

operations! {
    create_bucket => bucket::create: CreateBucketInput, CreateBucketOutput;
    head_bucket => bucket::head: HeadBucketInput, HeadBucketOutput;
    delete_bucket => bucket::delete: DeleteBucketInput, DeleteBucketOutput;
    list_buckets => bucket::list: ListBucketsInput, ListBucketsOutput;
    get_bucket_location => bucket::location: GetBucketLocationInput, GetBucketLocationOutput;

    put_object => object::put: PutObjectInput, PutObjectOutput;
    get_object => read::get: GetObjectInput, GetObjectOutput;
    head_object => read::head: HeadObjectInput, HeadObjectOutput;
    delete_object => object::delete: DeleteObjectInput, DeleteObjectOutput;
    copy_object => copy::copy: CopyObjectInput, CopyObjectOutput;

    delete_objects => listing::delete: DeleteObjectsInput, DeleteObjectsOutput;
    list_objects => listing::list: ListObjectsInput, ListObjectsOutput;
    list_objects_v2 => listing::list_v2: ListObjectsV2Input, ListObjectsV2Output;

    put_object_tagging => tagging::put: PutObjectTaggingInput, PutObjectTaggingOutput;
    get_object_tagging => tagging::get: GetObjectTaggingInput, GetObjectTaggingOutput;
    delete_object_tagging => tagging::delete: DeleteObjectTaggingInput, DeleteObjectTaggingOutput;

    create_multipart_upload => multipart::create: CreateMultipartUploadInput, CreateMultipartUploadOutput;
    upload_part => multipart::upload: UploadPartInput, UploadPartOutput;
    complete_multipart_upload => completion::complete: CompleteMultipartUploadInput, CompleteMultipartUploadOutput;
    abort_multipart_upload => multipart::abort: AbortMultipartUploadInput, AbortMultipartUploadOutput;
    list_parts => multipart::list: ListPartsInput, ListPartsOutput;

    put_bucket_cors => configuration::put_cors: PutBucketCorsInput, PutBucketCorsOutput;
    get_bucket_cors => configuration::get_cors: GetBucketCorsInput, GetBucketCorsOutput;
    delete_bucket_cors => configuration::delete_cors: DeleteBucketCorsInput, DeleteBucketCorsOutput;
    put_bucket_lifecycle_configuration => configuration::put_lifecycle:
        PutBucketLifecycleConfigurationInput, PutBucketLifecycleConfigurationOutput;
    get_bucket_lifecycle_configuration => configuration::get_lifecycle:
        GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput;
    delete_bucket_lifecycle => configuration::delete_lifecycle: DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput;
    put_bucket_policy => configuration::put_policy: PutBucketPolicyInput, PutBucketPolicyOutput;
    get_bucket_policy => configuration::get_policy: GetBucketPolicyInput, GetBucketPolicyOutput;
    delete_bucket_policy => configuration::delete_policy: DeleteBucketPolicyInput, DeleteBucketPolicyOutput;
}
