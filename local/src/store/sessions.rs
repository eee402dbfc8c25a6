//! Stored sessions. The secret and the token are in plain text: a reader of the file has all data
//! of the stack anyway.

use rusqlite::{Connection, params};

use super::error::StoreError;
use crate::clock::Millis;
use crate::identity::Session;

/// Every stored session. One whose policy no longer parses is left out, because it must not be used
/// without the policy.
pub(crate) fn load(connection: &Connection) -> Result<Vec<Session>, StoreError> {
    let mut statement =
        connection.prepare("SELECT access_key_id, secret, token, arn, role_id, policy, expires_ms FROM sessions")?;
    let rows = statement.query_map([], |row| {
        let text: Option<String> = row.get(5)?;
        let session = Session {
            access_key_id: row.get(0)?,
            secret: row.get(1)?,
            token: row.get(2)?,
            arn: row.get(3)?,
            role_id: row.get(4)?,
            role: None,
            policy: None,
            expires: row.get(6)?,
        };
        Ok((session, text))
    })?;
    let mut sessions = Vec::new();
    for row in rows {
        let (mut session, text) = row?;
        if let Some(text) = text {
            let Ok(parsed) = awsim_iam_policy::parse(&text) else { continue };
            session.policy = Some((text, parsed));
        }
        sessions.push(session);
    }
    Ok(sessions)
}

/// Stores a new session.
pub(crate) fn insert(connection: &Connection, session: &Session) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO sessions (access_key_id, secret, token, arn, role_id, policy, expires_ms) VALUES (?, ?, ?, ?, ?, ?, ?)")?
        .execute(params![
            session.access_key_id,
            session.secret,
            session.token,
            session.arn,
            session.role_id,
            session.policy.as_ref().map(|(text, _)| text),
            session.expires
        ])
        .map(drop)
}

/// Deletes the sessions that expired before `before`.
pub(crate) fn delete_expired(connection: &Connection, before: Millis) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM sessions WHERE expires_ms < ?")?.execute([before]).map(drop)
}
