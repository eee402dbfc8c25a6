//! One open WebSocket: a connection with subscriptions to many orders.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use offload_domain::{id::OrderId, json::to_json, order::OrderRecord, tenant::Tenant};
use offload_service::clock;
use offload_stores::Error;
use tokio::time::{Instant, interval_at, sleep_until, timeout};

use super::{
    connections::PushConnection,
    session_end::SessionEnd,
    status_update::StatusUpdate,
    subscription::Subscription,
    websocket::{self, Action, MessageError},
};
use crate::{
    client_address::ClientAddress,
    limits::{SubscriberShare, SubscriptionRate},
    service::Service,
};

/// Between two pings. A client that is there answers them by itself.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// The longest that a client may send nothing, not even the answer to a ping.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// The longest that a client may go without a subscription and without sending an action.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// Messages in a row that are not carried out because they come too fast; then the connection ends.
const REFUSED_MAX: u32 = 100;
/// The longest that a client may take to read a message.
const SEND_MAX: Duration = Duration::from_secs(10);

/// One open WebSocket.
pub(crate) struct Session {
    service: Arc<Service>,
    /// Dropped before the connection.
    subscriptions: HashMap<OrderId, Subscribed>,
    /// Counts this connection among the subscribers of the last order that it subscribed to, also
    /// when that has ended: a token must not buy any number of connections.
    sponsor: Option<Arc<SubscriberShare>>,
    /// Where it comes from, and the tenant of that order: its messages count as requests of both.
    address: Option<ClientAddress>,
    tenant: Option<Tenant>,
    /// How often it may subscribe.
    rate: SubscriptionRate,
    refused: u32,
    connection: PushConnection,
    socket: WebSocket,
}

/// A subscription of the session.
struct Subscribed {
    subscription: Subscription,
    /// The last revision that the client has.
    seen: u64,
    _share: Arc<SubscriberShare>,
}

impl Session {
    pub(crate) fn new(
        service: Arc<Service>,
        socket: WebSocket,
        connection: PushConnection,
        address: Option<ClientAddress>,
    ) -> Self {
        let rate = SubscriptionRate::new(service.settings.limits.subscription_messages_per_second);
        let (subscriptions, sponsor, tenant, refused) = (HashMap::new(), None, None, 0);
        Self { service, subscriptions, sponsor, address, tenant, rate, refused, connection, socket }
    }

    /// Serves the WebSocket until it ends, beginning with the action that its URL asks for.
    pub(crate) async fn run(mut self, first: Option<Action>) {
        let begun = match first {
            Some(action) => self.act(Ok(action)).await,
            None => Ok(()),
        };
        let end = match begun {
            Ok(()) => self.serve().await,
            Err(end) => end,
        };
        end.close(self.into_socket()).await;
    }

    /// The socket alone: the place of the connection and its subscriptions are given back before
    /// the client has answered the Close frame.
    fn into_socket(self) -> WebSocket {
        self.socket
    }

    async fn serve(&mut self) -> SessionEnd {
        let stop = self.service.stop.clone();
        let (mut last_message, mut last_action) = (Instant::now(), Instant::now());
        let subscribe_by = Instant::now() + self.service.settings.limits.subscribe_within;
        let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            let ended = tokio::select! {
                event = self.connection.event() => match event {
                    Some(event) => self.pass_on(event).await,
                    None => Err(SessionEnd::Closed(close_code::POLICY, "too slow, or disconnected by the service")),
                },
                message = self.socket.recv() => {
                    last_message = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            last_action = last_message;
                            let action = Action::read(&text, &self.service.settings.token_keys, clock::now());
                            self.act(action).await
                        }
                        Some(Ok(Message::Binary(_))) => {
                            Err(SessionEnd::Closed(close_code::UNSUPPORTED, "messages are JSON texts"))
                        }
                        // The library answers pings.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_))) => return SessionEnd::ClosedByClient,
                        Some(Err(e)) => return SessionEnd::unreadable(e),
                        None => return SessionEnd::ClientGone,
                    }
                },
                _ = pings.tick() => {
                    if last_message.elapsed() > SILENCE_MAX {
                        return SessionEnd::Closed(close_code::POLICY, "nothing came, not even the answer to a ping");
                    }
                    if self.subscriptions.is_empty() && last_action.elapsed() > IDLE_MAX {
                        return SessionEnd::Closed(close_code::NORMAL, "no subscription for ten minutes");
                    }
                    self.renew_and_ping().await
                },
                () = sleep_until(subscribe_by), if self.sponsor.is_none() => {
                    Err(SessionEnd::Closed(close_code::POLICY, "no subscription in time"))
                }
                () = stop.cancelled() => Err(SessionEnd::Closed(close_code::RESTART, "the server ends; connect again")),
            };
            if let Err(end) = ended {
                return end;
            }
        }
    }

    /// Does what the client asks for, or answers with the problem.
    async fn act(&mut self, action: Result<Action, MessageError>) -> Result<(), SessionEnd> {
        let limited = matches!(action, Ok(Action::Subscribe { .. } | Action::Unsubscribe { .. }));
        let too_fast =
            limited && !(self.rate.admits() && self.service.limits.admits_message(self.address, self.tenant.as_ref()));
        self.refused = if too_fast { self.refused + 1 } else { 0 };
        if self.refused > REFUSED_MAX {
            return Err(SessionEnd::Closed(close_code::POLICY, "subscribes and unsubscribes too often"));
        }
        let answer = match action {
            Ok(_) if too_fast => Err(MessageError::TooManyMessages),
            Ok(Action::Subscribe { order, cancels }) => self.subscribe(order, cancels).await,
            Ok(Action::Unsubscribe { order }) => {
                if let Some(subscribed) = self.subscriptions.remove(&order) {
                    subscribed.subscription.unsubscribe().await;
                }
                Ok(websocket::unsubscribed(order))
            }
            Ok(Action::Ping) => Ok(websocket::pong()),
            Err(e) => Err(e),
        };
        self.send(answer.unwrap_or_else(|e| e.text())).await
    }

    /// Subscribes to an order; with the event of the order as it is.
    async fn subscribe(&mut self, order: OrderId, cancels: bool) -> Result<String, MessageError> {
        let max = self.service.settings.limits.subscriptions_per_connection;
        if self.subscriptions.len() >= max && !self.subscriptions.contains_key(&order) {
            return Err(MessageError::TooManySubscriptions(max));
        }
        if let Some(before) = self.subscriptions.remove(&order) {
            before.subscription.replace();
        }
        let share = self.service.limits.subscribers.take(order).ok_or(MessageError::TooManySubscribers)?;
        if !self.connection.count_token() {
            return Err(MessageError::TooManyConnections);
        }
        let failed = |e| {
            self.service.record_aws_error("cannot subscribe to an order", &e);
            MessageError::StorageUnavailable
        };
        let subscriber = self.connection.subscriber(cancels);
        let subscribed = Subscription::subscribe(&self.service, order, subscriber).await.map_err(failed)?;
        let (subscription, record) = subscribed.ok_or(MessageError::OrderNotFound(order))?;
        let share = self.service.limits.subscriber(share, &record.order.tenant);
        let share = Arc::new(share.ok_or(MessageError::TooManyConnections)?);
        let event = event_of(&self.service, &record).await.map_err(failed)?;
        self.tenant = Some(record.order.tenant.clone());
        self.sponsor = Some(Arc::clone(&share));
        if !record.state.status.is_final() {
            let seen = record.state.revision;
            self.subscriptions.insert(order, Subscribed { subscription, seen, _share: share });
        }
        Ok(event)
    }

    /// Passes an event on, if the client is subscribed to its order and does not have it.
    async fn pass_on(&mut self, event: Bytes) -> Result<(), SessionEnd> {
        let Some(update) = StatusUpdate::parse(&event) else { return Ok(()) };
        let Ok(text) = Utf8Bytes::try_from(event) else { return Ok(()) };
        let Some(subscribed) = self.subscriptions.get_mut(&update.order).filter(|s| s.seen < update.revision) else {
            return Ok(());
        };
        subscribed.seen = update.revision;
        if update.done {
            subscribed.subscription.ended = true;
            self.subscriptions.remove(&update.order);
        }
        self.send(text).await
    }

    /// Renews the subscriptions that are due, and sees whether the client is there.
    async fn renew_and_ping(&mut self) -> Result<(), SessionEnd> {
        let now = Instant::now();
        let mut missed = Vec::new();
        for Subscribed { subscription, seen, .. } in
            self.subscriptions.values_mut().filter(|s| s.subscription.renew_at() <= now)
        {
            match subscription.renew().await {
                Ok(Some(record)) if record.state.revision > *seen => {
                    *seen = record.state.revision;
                    missed.push(record);
                }
                Ok(_) => {}
                Err(e) => self.service.record_aws_error("cannot renew a subscription", &e),
            }
        }
        for record in missed {
            if let Ok(event) = event_of(&self.service, &record).await {
                self.send(event).await?;
            }
        }
        self.subscriptions.retain(|_, subscribed| !subscribed.subscription.ended);
        self.send_message(Message::Ping(Bytes::new())).await
    }

    async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), SessionEnd> {
        self.send_message(Message::Text(text.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), SessionEnd> {
        match timeout(SEND_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(SessionEnd::ClientGone),
        }
    }
}

/// The event of an order as it is.
async fn event_of(service: &Service, record: &OrderRecord) -> Result<String, Error> {
    Ok(to_json(&service.status_event(record).await?))
}
