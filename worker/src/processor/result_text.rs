//! A result from outside this program: the JSON text as it comes, in memory while it is small, and
//! in a temporary file beyond. It is checked, and never becomes a tree of values.

use std::{
    io::{self, BufReader, Seek as _},
    mem,
};

use offload_domain::{
    json::remove_mark,
    json_check::{check_reader, check_slice},
    json_text::JsonText,
    status::INLINE_RESULT_MAX_BYTES,
};
use tempfile::TempPath;
use tokio::{
    fs::File,
    io::AsyncWriteExt as _,
    task::{JoinError, spawn_blocking},
};

use super::contract::{Outcome, ProcessError, ResultFile};

/// What has come of a result.
#[derive(Debug)]
pub(super) enum ResultText {
    /// All of it; at most [`INLINE_RESULT_MAX_BYTES`].
    Small(Vec<u8>),
    /// All of it, in a file that is deleted with its path.
    Large(File, TempPath),
}

impl ResultText {
    pub(super) fn new() -> Self {
        Self::Small(Vec::new())
    }

    /// Adds what came next. White space and a byte order mark before the value are dropped.
    ///
    /// # Errors
    /// If the file cannot be written: worth another attempt.
    pub(super) async fn add(&mut self, mut part: &[u8]) -> Result<(), ProcessError> {
        if let Self::Small(text) = self {
            if text.is_empty() {
                part = part.trim_ascii_start();
            }
            text.extend_from_slice(part);
            remove_mark(text);
            if text.len() <= INLINE_RESULT_MAX_BYTES {
                return Ok(());
            }
            let before = mem::take(text);
            let file = spawn_blocking(|| tempfile::Builder::new().prefix("result-").suffix(".json").tempfile());
            let (file, path) = file.await.map_err(|e| thread_died(&e))?.map_err(|e| disk(&e))?.into_parts();
            let mut file = File::from_std(file);
            part = &before;
            file.write_all(part).await.map_err(|e| disk(&e))?;
            *self = Self::Large(file, path);
            return Ok(());
        }
        match self {
            Self::Large(file, _) => file.write_all(part).await.map_err(|e| disk(&e)),
            Self::Small(_) => Ok(()),
        }
    }

    /// The result, or none if nothing came but white space. `source` is what wrote it.
    ///
    /// # Errors
    /// If it is not JSON, or the file cannot be written.
    pub(super) async fn finish(self, source: &'static str) -> Result<Outcome, ProcessError> {
        let not_json = |_| ProcessError::protocol(format!("{source} is not JSON"));
        match self {
            Self::Small(text) if text.trim_ascii().is_empty() => Ok(Outcome::Value(None)),
            Self::Small(text) => {
                check_slice(&text).map_err(not_json)?;
                // It is checked, and JSON is UTF-8.
                let text = String::from_utf8_lossy(&text).into_owned();
                JsonText::parse(text).map(|text| Outcome::Value(Some(text))).map_err(not_json)
            }
            Self::Large(mut file, path) => {
                file.flush().await.map_err(|e| disk(&e))?;
                let mut file = file.into_std().await;
                let check = spawn_blocking(move || file.rewind().map(|()| check_reader(BufReader::new(file))));
                match check.await.map_err(|e| thread_died(&e))?.map_err(|e| disk(&e))? {
                    Err(e) if e.is_io() => Err(disk(&e.into())),
                    checked => checked.map_err(not_json),
                }?;
                let (file_name, content_type) = ("result.json".to_owned(), "application/json".to_owned());
                Ok(Outcome::File(ResultFile { file_name, content_type, path }))
            }
        }
    }
}

fn disk(error: &io::Error) -> ProcessError {
    tracing::warn!(%error, "a result cannot be kept in a temporary file");
    ProcessError::retryable("the worker cannot write the result to its disk")
}

fn thread_died(error: &JoinError) -> ProcessError {
    tracing::warn!(%error, "the thread that keeps a result died");
    ProcessError::retryable("the worker failed while it kept the result")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of a text that comes in parts of this size.
    async fn finish(text: &str, part: usize) -> Result<Outcome, ProcessError> {
        let mut result = ResultText::new();
        for part in text.as_bytes().chunks(part) {
            result.add(part).await?;
        }
        result.finish("it").await
    }

    #[tokio::test]
    async fn a_small_result_is_a_text_and_a_large_one_a_file_both_as_they_came() {
        let small = r#"{ "n":18446744073709551617, "z":-0 , "e":1E+2, "s":"\u00e9\/" }"#;
        let large = format!("[ 1e15{} ]", ", 0.123456789012345678901234".repeat(1_000));
        for part in [1, 1_000, 100_000] {
            let Outcome::Value(Some(text)) = finish(&format!(" \n{small}\n"), part).await.unwrap() else { panic!() };
            assert_eq!(text.as_str(), small);
            let Outcome::File(file) = finish(&large, part).await.unwrap() else { panic!() };
            assert_eq!((&*file.file_name, &*file.content_type), ("result.json", "application/json"));
            assert_eq!(std::fs::read_to_string(&file.path).unwrap(), large);
            let path = file.path.to_path_buf();
            drop(file);
            assert!(!path.exists(), "the file goes with its handle");
        }
    }

    #[tokio::test]
    async fn what_is_not_json_is_refused_small_or_large() {
        let long = "[0,".repeat(10_000);
        for bad in ["{", "1 2", "nul", &long] {
            let error = finish(bad, 4_096).await.unwrap_err();
            assert_eq!(error, ProcessError::protocol("it is not JSON"));
        }
        let mut bytes = ResultText::new();
        bytes.add(b"\"\xff\"").await.unwrap();
        assert!(bytes.finish("it").await.is_err());
        assert!(matches!(finish(" \n\t", 1).await, Ok(Outcome::Value(None))));
        assert!(matches!(finish(&" ".repeat(100_000), 4_096).await, Ok(Outcome::Value(None))));
    }
}
