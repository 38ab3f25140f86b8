//! The caller of a request: anonymous, a token, or an App as itself.

use http::header;

use super::taken::Taken;
use crate::access::{Token, Within};
use crate::people::Role;
use crate::reply::Reply;
use crate::world::World;

pub(super) enum Asker {
    Nobody,
    Token(Token),
    App(u64),
}

impl Asker {
    /// Authenticates a request, or returns the answer that refuses it.
    pub(super) fn of(world: &World, taken: &Taken) -> Result<Self, Reply> {
        if taken.is_by_an_app() {
            return world.app_of(taken.token()).map(Asker::App);
        }
        if taken.header(header::AUTHORIZATION).is_empty() {
            return Ok(Asker::Nobody);
        }
        let token = taken.token().and_then(|token| world.tokens.get(token));
        let token = token.filter(|token| token.is_good_at(world.now));
        let token = token.ok_or_else(|| Reply::error(401, "Bad credentials"))?;
        if let Some(within) = token.within() {
            world.minted_is_good(within)?;
        }
        Ok(Asker::Token(token.clone()))
    }

    pub(super) fn token(&self) -> Option<&Token> {
        match self {
            Asker::Token(token) => Some(token),
            Asker::Nobody | Asker::App(_) => None,
        }
    }

    pub(super) fn login(&self) -> Option<&str> {
        self.token().map(|token| token.login.as_str())
    }

    pub(super) fn app(&self) -> Option<u64> {
        match self {
            Asker::App(id) => Some(*id),
            Asker::Nobody | Asker::Token(_) => None,
        }
    }

    pub(super) fn within(&self) -> Option<&Within> {
        self.token()?.within()
    }

    pub(super) fn is_installation(&self) -> bool {
        self.token().is_some_and(Token::is_installation)
    }

    pub(super) fn can_push(&self, role: Option<Role>) -> bool {
        self.token().and_then(|token| token.effective_role(role)) >= Some(Role::Write)
    }

    /// The account whose rate limits this spends, as GitHub names it.
    pub(super) fn meter(&self) -> String {
        match self {
            Asker::Nobody => "127.0.0.1".to_owned(),
            Asker::Token(token) => token.meter(),
            Asker::App(id) => format!("app ID {id}"),
        }
    }

    /// Headers that are part of every answer to this caller.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        self.token().map(Token::headers).unwrap_or_default()
    }
}
