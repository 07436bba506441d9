//! Answers that are not 2xx.

use axum::Json;
use axum::extract::rejection::{
    BytesRejection, FailedToBufferBody, JsonRejection, PathRejection, QueryRejection,
};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use springald_core::Error;
use springald_core::protocol::ApiError;

use crate::refusal::Refusal;

pub(super) type Answer<T> = Result<T, Failure>;

/// A status, and the words for a person.
#[derive(Debug)]
pub(super) struct Failure(StatusCode, String);

impl Failure {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, message.into())
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self(StatusCode::FORBIDDEN, message.into())
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, message.into())
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, message.into())
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("the body is larger than {} MiB", most >> 20);
        Self(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(super) fn wrong_kind(expected: &str) -> Self {
        let message = format!("the body must be of type {expected}: say so in content-type");
        Self(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let message =
            format!("this path takes no {method}; the header `allow` names what it takes");
        Self(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, message.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(ApiError { error: self.1 })).into_response()
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        let message = match e.hint() {
            Some(hint) => format!("{}; {hint}", e.message()),
            None => e.message(),
        };
        match e {
            Error::Invalid { .. } => Self::invalid(message),
            _ => Self::broken(message),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing(message) => Self::missing(message),
            Refusal::Forbidden(message) => Self::forbidden(message),
            Refusal::Conflict(message) => Self::conflict(message),
            Refusal::TooMany(message) => Self(StatusCode::TOO_MANY_REQUESTS, message),
            Refusal::Failed(e) => e.into(),
        }
    }
}

impl From<PathRejection> for Failure {
    fn from(e: PathRejection) -> Self {
        Self::invalid(e.body_text())
    }
}

impl From<QueryRejection> for Failure {
    fn from(e: QueryRejection) -> Self {
        Self::invalid(e.body_text())
    }
}

impl From<JsonRejection> for Failure {
    fn from(e: JsonRejection) -> Self {
        match e {
            JsonRejection::MissingJsonContentType(_) => Self::wrong_kind("application/json"),
            JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(
                FailedToBufferBody::LengthLimitError(_),
            )) => Self::too_large(super::MAX_JSON),
            e => Self::invalid(e.body_text()),
        }
    }
}
