//! What a client needs to read the state of a group.

use offload_domain::{group::Group, status::StatusObject};
use offload_service::clock;
use offload_stores::Error;
use serde::Serialize;
use utoipa::ToSchema;

use super::{links::Links, status_access::StatusAccess};
use crate::service::Service;

/// The status object of a group as it is in the order table, with a fresh URL.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GroupView {
    #[serde(flatten)]
    object: StatusObject,
    #[serde(flatten)]
    access: StatusAccess,
    links: Links,
}

impl GroupView {
    /// # Errors
    /// If no access can be given to its status object.
    pub(crate) async fn of(service: &Service, group: &Group) -> Result<Self, Error> {
        let now = clock::now();
        let object = group.status_object(now);
        let access = StatusAccess::of(service, group.id, object.eta.as_ref(), now).await?;
        let links = Links { this: service.public.group(group.id), events: None, websocket: None };
        Ok(Self { object, access, links })
    }
}
