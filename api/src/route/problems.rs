//! The problems of a route, for its entry in the OpenAPI document.

use std::collections::BTreeMap;

use offload_domain::problem::{Problem, ProblemType};
use utoipa::{
    ToSchema as _,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

use crate::response::error::retry_after;

/// Responses by their status codes.
pub(crate) type Responses = BTreeMap<String, RefOr<Response>>;

/// Gives a name to the problems that a route may answer with, for the `responses` of
/// `#[utoipa::path]`.
macro_rules! problems {
    ($name:ident: $($problem_type:ident),+ $(,)?) => {
        struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> $crate::route::problems::Responses {
                $crate::route::problems::responses(&[$(offload_domain::problem::ProblemType::$problem_type),+])
            }
        }
    };
}
pub(crate) use problems;

/// One response per status code. Its description names the types of its problems.
pub(crate) fn responses(types: &[ProblemType]) -> Responses {
    let mut descriptions = BTreeMap::<_, Vec<String>>::new();
    for problem_type in types {
        let retry = retry_after(*problem_type).map_or("", |_| "; retry after the seconds of `Retry-After`");
        let description = format!("`{}`: {}{retry}", problem_type.slug(), problem_type.title());
        descriptions.entry(problem_type.status().to_string()).or_default().push(description);
    }
    let response = |description: Vec<String>| {
        let content = Content::new(Some(Ref::from_schema_name(Problem::name())));
        ResponseBuilder::new().description(description.join("\n")).content("application/problem+json", content).build()
    };
    descriptions.into_iter().map(|(status, lines)| (status, response(lines).into())).collect()
}
