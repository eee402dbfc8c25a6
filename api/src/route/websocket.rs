//! `GET /ws`: many orders' changes over one WebSocket.

use std::{collections::HashMap, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    http::HeaderMap,
    response::Response,
};
use bytes::Bytes;
use offload_domain::{event::StatusEvent, id::OrderId, notification::Holder, order::OrderRecord};
use offload_stores::{Error, Watcher};
use serde::Deserialize;
use tokio::time::{Instant, interval_at, timeout};

use crate::{
    edge::limit_concurrency::Place,
    push::{
        connections::Connection,
        order_updates::object_of,
        subscription::Watching,
        websocket::{self as protocol, Action, MESSAGE_MAX_BYTES, MessageError, SUBSCRIPTIONS_MAX},
    },
    request::authorized::bearer,
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// Between two pings. A client that is there answers them by itself.
const TICK: Duration = Duration::from_secs(30);
/// Of whom nothing was heard for so long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// A client that follows nothing for so long has no use for its connection.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// The longest that a client may take to read what it is sent.
const SEND_MAX: Duration = Duration::from_secs(10);
/// What a connection may have in its buffers: messages are small, and there may be thousands of connections.
const BUFFER_BYTES: usize = 2 * 1024;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Options {
    token: Option<String>,
    cancel_on_disconnect: bool,
}

problems!(Problems: TokenInvalid, NotAWebSocket, NoPush, TooManyConnections, Overloaded);

/// Follow orders over a WebSocket
///
/// With the token of an order, or without one and then `{"action":"subscribe","token":"…"}` for each order. A client gets a
/// CloudEvent with the status object of each order that it follows, at once and after each change, and problem objects for
/// what cannot be done.
#[utoipa::path(
    get,
    path = "/ws",
    tag = "orders",
    operation_id = "openWebSocket",
    security((), ("order_token" = []), ("order_token_in_query" = [])),
    params(("cancel_on_disconnect" = Option<bool>, Query, description = "true: cancel the order if it has not started when its last follower leaves")),
    responses(
        (status = 101, description = "The connection is a WebSocket now"),
        Problems,
    )
)]
pub(crate) async fn websocket(
    State(service): State<Arc<Service>>,
    Extension(place): Extension<Place>,
    options: Result<Query<Options>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let hub = service.hub.as_ref().ok_or(ApiError::NoPush)?;
    let options = options.map(|o| o.0).unwrap_or_default();
    let first = match bearer(&headers).or(options.token.as_deref()) {
        Some(token) => Some(service.settings.token_keys.open(token).ok_or(ApiError::TokenInvalid)?),
        None => None,
    };
    let upgrade = upgrade.map_err(|_| ApiError::NotAWebSocket)?;
    let connection = hub.connect().ok_or(ApiError::TooManyConnections)?;
    place.give_up();
    let own = Arc::clone(&service);
    let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(0).max_write_buffer_size(BUFFER_BYTES * 64);
    Ok(upgrade.max_message_size(MESSAGE_MAX_BYTES).max_frame_size(MESSAGE_MAX_BYTES).on_upgrade(move |socket| {
        // Counted among what must end before the service does.
        let tracker = own.background.tracker();
        tracker.track_future(serve(own, socket, connection, first, options.cancel_on_disconnect))
    }))
}

/// One open WebSocket.
struct Session {
    service: Arc<Service>,
    /// The orders that are followed, each with the last revision that the client has. Dropped before the connection.
    followed: HashMap<OrderId, (Watching, u64)>,
    connection: Connection,
    socket: WebSocket,
}

/// Why a session ends.
enum End {
    /// The client has gone.
    Left,
    /// It is told why.
    Closed(u16, &'static str),
}

async fn serve(
    service: Arc<Service>,
    socket: WebSocket,
    connection: Connection,
    first: Option<OrderId>,
    cancels: bool,
) {
    let mut session = Session { service, followed: HashMap::new(), connection, socket };
    let end = match first {
        Some(order) => session.act(Ok(Action::Subscribe { order, cancels })).await,
        None => Ok(()),
    };
    let end = match end {
        Ok(()) => session.run().await,
        Err(end) => end,
    };
    if let End::Closed(code, reason) = end {
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        let _ = timeout(SEND_MAX, session.socket.send(close)).await;
    }
}

impl Session {
    async fn run(&mut self) -> End {
        let stop = self.service.stop.clone();
        let (mut heard, mut used) = (Instant::now(), Instant::now());
        let mut tick = interval_at(Instant::now() + TICK, TICK);
        loop {
            let ended = tokio::select! {
                event = self.connection.event() => match event {
                    Some(event) => self.pass_on(event).await,
                    None => Err(End::Closed(close_code::POLICY, "too slow, or disconnected by the service")),
                },
                message = self.socket.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            used = heard;
                            let action = Action::read(&text, &self.service.settings.token_keys);
                            self.act(action).await
                        }
                        Some(Ok(Message::Binary(_))) => {
                            Err(End::Closed(close_code::UNSUPPORTED, "messages are JSON texts"))
                        }
                        // Pings are answered by the library.
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Left,
                    }
                },
                _ = tick.tick() => {
                    if heard.elapsed() > SILENCE_MAX {
                        return End::Left;
                    }
                    if self.followed.is_empty() && used.elapsed() > IDLE_MAX {
                        return End::Closed(close_code::NORMAL, "nothing was followed for ten minutes");
                    }
                    self.renew().await
                },
                () = stop.cancelled() => Err(End::Closed(close_code::AWAY, "the server ends; connect again")),
            };
            if let Err(end) = ended {
                return end;
            }
        }
    }

    /// Does what the client wants, or says why not.
    async fn act(&mut self, action: Result<Action, MessageError>) -> Result<(), End> {
        let answer = match action {
            Ok(Action::Subscribe { order, cancels }) => self.subscribe(order, cancels).await,
            Ok(Action::Unsubscribe { order }) => {
                if let Some((watching, _)) = self.followed.remove(&order) {
                    watching.end().await;
                }
                Ok(protocol::unsubscribed(order))
            }
            Ok(Action::Ping) => Ok(protocol::pong()),
            Err(e) => Err(e),
        };
        self.send(answer.unwrap_or_else(|e| e.text())).await
    }

    /// Follows an order; with the event of the order as it is.
    async fn subscribe(&mut self, order: OrderId, cancels: bool) -> Result<String, MessageError> {
        if self.followed.len() >= SUBSCRIPTIONS_MAX && !self.followed.contains_key(&order) {
            return Err(MessageError::TooManySubscriptions);
        }
        let (connection, endpoint) = (self.connection.id().to_string(), self.connection.endpoint().to_owned());
        let failed = |e| {
            self.service.note("cannot follow an order", &e);
            MessageError::StorageUnavailable
        };
        // The one before is forgotten without a word, for its row is the new one's.
        if let Some((mut before, _)) = self.followed.remove(&order) {
            before.replaced();
        }
        let watcher = Watcher { connection, holder: Holder::ApiServer, endpoint, cancels };
        let watched = Watching::start(&self.service, order, watcher).await;
        let (watching, record) = watched.map_err(failed)?.ok_or(MessageError::OrderNotFound(order))?;
        let event = event_of(&self.service, &record).await.map_err(failed)?;
        if !record.state.status.is_final() {
            self.followed.insert(order, (watching, record.state.revision));
        }
        Ok(event)
    }

    /// Passes an event on, if the client follows its order and does not have it.
    async fn pass_on(&mut self, event: Bytes) -> Result<(), End> {
        let Ok(text) = Utf8Bytes::try_from(event) else { return Ok(()) };
        let Ok(about) = serde_json::from_str::<About>(&text) else { return Ok(()) };
        let Some((watching, seen)) = self.followed.get_mut(&about.subject).filter(|(_, seen)| *seen < about.revision)
        else {
            return Ok(());
        };
        *seen = about.revision;
        if about.data.done {
            watching.ended = true;
            self.followed.remove(&about.subject);
        }
        self.send(text).await
    }

    /// Keeps what is followed followed, and sees whether the client is there.
    async fn renew(&mut self) -> Result<(), End> {
        let now = Instant::now();
        let mut missed = Vec::new();
        for (watching, seen) in self.followed.values_mut().filter(|(w, _)| w.renew_at() <= now) {
            match watching.renew().await {
                Ok(Some(record)) if record.state.revision > *seen => {
                    *seen = record.state.revision;
                    missed.push(record);
                }
                Ok(_) => {}
                Err(e) => self.service.note("cannot renew a connection's interest in its order", &e),
            }
        }
        for record in missed {
            if let Ok(event) = event_of(&self.service, &record).await {
                self.send(event).await?;
            }
        }
        self.followed.retain(|_, (watching, _)| !watching.ended);
        self.put(Message::Ping(Bytes::new())).await
    }

    async fn send(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), End> {
        self.put(Message::Text(text.into())).await
    }

    async fn put(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Left),
        }
    }
}

/// The event of an order as it is.
async fn event_of(service: &Service, record: &OrderRecord) -> Result<String, Error> {
    let event = StatusEvent::of(object_of(service, record).await?);
    // Texts and numbers: it can always be written.
    Ok(serde_json::to_string(&event).unwrap_or_default())
}

/// What of an event decides whether it is passed on.
#[derive(Deserialize)]
struct About {
    subject: OrderId,
    revision: u64,
    data: Ends,
}

#[derive(Deserialize)]
struct Ends {
    done: bool,
}
