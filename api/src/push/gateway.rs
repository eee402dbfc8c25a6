//! The WebSocket protocol where API Gateway holds the connections: each message is an invocation,
//! whose answer is sent to the client.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-routes-integrations.html>

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::future::join_all;
use lambda_http::{Request, RequestExt as _, aws_lambda_events::apigw::ApiGatewayWebsocketProxyRequestContext};
use offload_domain::{
    id::OrderId,
    json::to_json,
    notification::{Holder, Notification, OpenConnection, Target},
    order::OrderRecord,
    token::Access,
};
use offload_lifecycle::subscribe;
use offload_service::clock;
use offload_stores::{Error, Subscriber};

use super::{
    subscription::unsubscribe,
    websocket::{self, Action, MessageError},
};
use crate::{edge::cors::allows_websocket, request::authorized::open_any, service::Service};

/// API Gateway refuses what is sent to a connection before its `$connect` is answered.
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
        tracing::error!("OFFLOAD_MANAGEMENT_URL is not set, and a WebSocket API sends messages");
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
    /// Answers a client that connects: with the token of an order, which it is then subscribed to,
    /// or without one.
    async fn connect(&self, request: &Request) -> Response {
        if !allows_websocket(&self.service.settings.cors_origins, request.headers()) {
            return StatusCode::FORBIDDEN.into_response();
        }
        let query = request.query_string_parameters();
        let opened = open_any(&self.service.settings.token_keys, request.headers(), query.first("token"));
        let Some(opened) = opened else { return StatusCode::OK.into_response() };
        let cancels = query.first("cancel_on_disconnect") == Some("true");
        let Some(order) = opened.ok().filter(|token| !cancels || token.access.includes(Access::Full)).map(|t| t.order)
        else {
            return StatusCode::FORBIDDEN.into_response();
        };
        let record = match self.store_subscription(order, cancels).await {
            Ok(Some(record)) => record,
            Ok(None) => return StatusCode::NOT_FOUND.into_response(),
            Err(e) => {
                self.service.record_aws_error("cannot subscribe to an order", &e);
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        };
        if let Err(e) = self.send_after_connect(&record).await {
            self.service.record_aws_error("a client that has connected does not get the current status", &e);
        }
        StatusCode::OK.into_response()
    }

    async fn message(&self, text: &str) -> Response {
        let answer = match Action::read(text, &self.service.settings.token_keys, clock::now()) {
            Ok(Action::Subscribe { order, cancels }) => self.subscribe(order, cancels).await,
            Ok(Action::Unsubscribe { order }) => {
                self.unsubscribe(order).await;
                Ok(websocket::unsubscribed(order))
            }
            Ok(Action::Ping) => Ok(websocket::pong()),
            Err(e) => Err(e),
        };
        Body::from(answer.unwrap_or_else(|e| e.text())).into_response()
    }

    async fn subscribe(&self, order: OrderId, cancels: bool) -> Result<String, MessageError> {
        let failed = |e| {
            self.service.record_aws_error("cannot subscribe to an order", &e);
            MessageError::StorageUnavailable
        };
        let subscribed = self.service.stores.orders.subscriptions(self.connection).await.map_err(failed)?;
        let max = self.service.settings.limits.subscriptions_per_connection;
        if subscribed.len() >= max && !subscribed.contains(&order) {
            return Err(MessageError::TooManySubscriptions(max));
        }
        let record =
            self.store_subscription(order, cancels).await.map_err(failed)?.ok_or(MessageError::OrderNotFound(order))?;
        Ok(to_json(&self.service.status_event(&record).await.map_err(failed)?))
    }

    async fn store_subscription(&self, order: OrderId, cancels: bool) -> Result<Option<OrderRecord>, Error> {
        let (connection, endpoint) = (self.connection.to_owned(), self.endpoint.to_owned());
        let stores = &self.service.stores;
        let subscriber = Subscriber { connection, holder: Holder::ApiGateway, endpoint, cancels };
        // First the item by which `$disconnect` finds the subscription.
        stores.orders.note_subscription(self.connection, order, clock::now()).await?;
        subscribe::subscribe(stores, order, &subscriber).await
    }

    /// Sends the status as it is, once the connection is open.
    async fn send_after_connect(&self, record: &OrderRecord) -> Result<(), Error> {
        let Some(to) = &self.service.stores.notifications else { return Ok(()) };
        let (endpoint, id) = (self.endpoint.to_owned(), self.connection.to_owned());
        let target = Target::Connection(OpenConnection { holder: Holder::ApiGateway, endpoint, id });
        let event = self.service.status_event(record).await?;
        let notification = Notification::new(target, event, record.order.tenant.clone());
        to.queue.send(&notification, AFTER_CONNECT, None).await
    }

    async fn disconnect(&self) -> Response {
        match self.service.stores.orders.subscriptions(self.connection).await {
            Ok(orders) => {
                join_all(orders.into_iter().map(|order| self.unsubscribe(order))).await;
            }
            // They are deleted with the first event that gets 410, or expire in an hour.
            Err(e) => self.service.record_aws_error("cannot read the subscriptions of a connection that has ended", &e),
        }
        StatusCode::OK.into_response()
    }

    async fn unsubscribe(&self, order: OrderId) {
        if let Err(e) = self.service.stores.orders.forget_subscription(self.connection, order).await {
            self.service.record_aws_error("cannot delete a subscription; it expires within an hour", &e);
        }
        unsubscribe(self.service, order, self.connection).await;
    }
}
