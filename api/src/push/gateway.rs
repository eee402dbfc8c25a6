//! The WebSocket protocol where API Gateway holds the connections: each message is an invocation, and what is returned is
//! sent to the client. <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-routes-integrations.html>

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::future::join_all;
use lambda_http::{Request, RequestExt as _, aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequestContext};
use offload_domain::{
    event::StatusEvent,
    id::OrderId,
    notification::{Holder, Notification, OpenConnection, Target, VERSION},
    order::OrderRecord,
};
use offload_service::clock;
use offload_stores::{Error, Watcher};

use super::{
    order_updates::object_of,
    subscription::leave,
    websocket::{self as protocol, Action, MessageError, SUBSCRIPTIONS_MAX},
};
use crate::{request::authorized::bearer, service::Service};

/// Nothing can be sent to a connection while `$connect` is being answered.
const AFTER_CONNECT: Duration = Duration::from_secs(1);

/// Answers one invocation of the WebSocket API.
pub(crate) async fn answer(
    service: &Arc<Service>,
    context: &ApiGatewayWebsocketProxyRequestContext,
    request: Request,
) -> Response {
    let (Some(connection), Some(endpoint)) =
        (context.connection_id.as_deref(), service.settings.management_url.as_ref())
    else {
        tracing::error!("a message of a WebSocket API came, and OFFLOAD_MANAGEMENT_URL is not set");
        return StatusCode::NOT_IMPLEMENTED.into_response();
    };
    let gateway = Gateway { service, connection, endpoint: endpoint.as_str().trim_end_matches('/') };
    match context.route_key.as_deref() {
        Some("$connect") => gateway.connect(&request).await,
        Some("$disconnect") => gateway.disconnect().await,
        _ => {
            let text = String::from_utf8_lossy(request.body().as_ref()).into_owned();
            gateway.message(&text).await
        }
    }
}

struct Gateway<'a> {
    service: &'a Service,
    connection: &'a str,
    endpoint: &'a str,
}

impl Gateway<'_> {
    /// Lets a client in: with the token of an order, which it then follows, or without one.
    async fn connect(&self, request: &Request) -> Response {
        let query = request.query_string_parameters();
        let Some(token) = bearer(request.headers()).or_else(|| query.first("token")) else {
            return StatusCode::OK.into_response();
        };
        let Some(order) = self.service.settings.token_keys.open(token) else {
            return StatusCode::FORBIDDEN.into_response();
        };
        let cancels = query.first("cancel_on_disconnect") == Some("true");
        let record = match self.watch(order, cancels).await {
            Ok(Some(record)) => record,
            Ok(None) => return StatusCode::NOT_FOUND.into_response(),
            Err(e) => {
                self.service.note("cannot follow an order", &e);
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        };
        // The status as it is comes right after the connection stands.
        if let Err(e) = self.send_later(&record).await {
            self.service.note("a client that has connected is not told the status as it is", &e);
        }
        StatusCode::OK.into_response()
    }

    async fn message(&self, text: &str) -> Response {
        let answer = match Action::read(text, &self.service.settings.token_keys) {
            Ok(Action::Subscribe { order, cancels }) => self.subscribe(order, cancels).await,
            Ok(Action::Unsubscribe { order }) => {
                self.leave(order).await;
                Ok(protocol::unsubscribed(order))
            }
            Ok(Action::Ping) => Ok(protocol::pong()),
            Err(e) => Err(e),
        };
        Body::from(answer.unwrap_or_else(|e| e.text())).into_response()
    }

    async fn subscribe(&self, order: OrderId, cancels: bool) -> Result<String, MessageError> {
        let failed = |e| {
            self.service.note("cannot follow an order", &e);
            MessageError::StorageUnavailable
        };
        let followed = self.service.stores.orders.subscriptions(self.connection).await.map_err(failed)?;
        if followed.len() >= SUBSCRIPTIONS_MAX && !followed.contains(&order) {
            return Err(MessageError::TooManySubscriptions);
        }
        let record = self.watch(order, cancels).await.map_err(failed)?.ok_or(MessageError::OrderNotFound(order))?;
        let event = StatusEvent::of(object_of(self.service, &record).await.map_err(failed)?);
        // Texts and numbers: it can always be written.
        Ok(serde_json::to_string(&event).unwrap_or_default())
    }

    async fn watch(&self, order: OrderId, cancels: bool) -> Result<Option<OrderRecord>, Error> {
        let (orders, now) = (&self.service.stores.orders, clock::now());
        let (connection, endpoint) = (self.connection.to_owned(), self.endpoint.to_owned());
        let watcher = Watcher { connection, holder: Holder::ApiGateway, endpoint, cancels };
        // First the note by which the connection's end finds the row.
        orders.note_subscription(self.connection, order, now).await?;
        orders.watch(order, &watcher, now).await
    }

    async fn send_later(&self, record: &OrderRecord) -> Result<(), Error> {
        let Some(to) = &self.service.stores.notifications else { return Ok(()) };
        let (endpoint, id) = (self.endpoint.to_owned(), self.connection.to_owned());
        let target = Target::Connection(OpenConnection { holder: Holder::ApiGateway, endpoint, id });
        let event = StatusEvent::of(object_of(self.service, record).await?);
        let notification = Notification { v: VERSION, target, event, attempts: 0, not_before: None };
        to.queue.send(&notification, AFTER_CONNECT, None).await
    }

    async fn disconnect(&self) -> Response {
        match self.service.stores.orders.subscriptions(self.connection).await {
            Ok(orders) => {
                join_all(orders.into_iter().map(|order| self.leave(order))).await;
            }
            // Their rows go with the first event that finds nobody, or in an hour.
            Err(e) => self.service.note("cannot tell what a connection that has left was following", &e),
        }
        StatusCode::OK.into_response()
    }

    async fn leave(&self, order: OrderId) {
        if let Err(e) = self.service.stores.orders.forget_subscription(self.connection, order).await {
            self.service.note("a connection that has left is still noted, for an hour at most", &e);
        }
        leave(self.service, order, self.connection).await;
    }
}
