//! JSON Web Tokens, with which an App authenticates: signed, and valid for ten minutes at most.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::{App, Apps};
use crate::reply::Reply;

/// docs.github.com, "Generating a JSON Web Token (JWT) for a GitHub App".
const LONGEST_SECONDS: i64 = 600;
/// How far the App's clock may be ahead of GitHub's.
const DRIFT_SECONDS: i64 = 60;

const NOT_DECODED: &str = "A JSON web token could not be decoded";
const BAD_ISSUED_AT: &str = "'Issued at' claim ('iat') must be an Integer representing the time \
                             that the assertion was issued";
const BAD_EXPIRY: &str = "'Expiration time' claim ('exp') must be a numeric value representing \
                          the future time at which the assertion expires";
const FAR_EXPIRY: &str = "'Expiration time' claim ('exp') is too far in the future";

/// The App that signed this token, or GitHub's refusal.
pub(super) fn app_of(apps: &Apps, token: Option<&str>, now: Timestamp) -> Result<u64, Reply> {
    let token = token.ok_or_else(|| refused(NOT_DECODED))?;
    let claims = claims_of(token).ok_or_else(|| refused(NOT_DECODED))?;
    let app = issuer(apps, &claims)?;
    if !is_signed_by(app, token) {
        return Err(refused(NOT_DECODED));
    }
    check_times(&claims, now.as_second())?;
    Ok(app.id)
}

fn refused(words: &str) -> Reply {
    Reply::error(401, words)
}

fn claims_of(token: &str) -> Option<Value> {
    let payload = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice(&claims).ok().filter(Value::is_object)
}

/// The App that issued the token, identified by its id (a number or a string) or its client id.
fn issuer<'a>(apps: &'a Apps, claims: &Value) -> Result<&'a App, Reply> {
    let issuer = match claims.get("iss") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) | None => return Err(refused("'Issuer' claim ('iss') must be an Integer")),
    };
    let mut all = apps.apps.values();
    all.find(|app| app.id.to_string() == issuer || app.client_id == issuer)
        .ok_or_else(|| Reply::error(404, "Integration not found"))
}

fn is_signed_by(app: &App, token: &str) -> bool {
    let Ok(key) = DecodingKey::from_rsa_pem(app.public_key.as_bytes()) else { return false };
    let mut validation = Validation::new(Algorithm::RS256);
    // The crate would use the system clock; times are checked against the box's clock instead.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    decode::<Value>(token, &key, &validation).is_ok()
}

fn check_times(claims: &Value, now: i64) -> Result<(), Reply> {
    let issued = claims.get("iat").and_then(Value::as_i64);
    if issued.is_none_or(|issued| issued > now + DRIFT_SECONDS) {
        return Err(refused(BAD_ISSUED_AT));
    }
    match claims.get("exp").and_then(Value::as_i64) {
        Some(end) if end > now + LONGEST_SECONDS => Err(refused(FAR_EXPIRY)),
        Some(end) if end > now => Ok(()),
        Some(_) | None => Err(refused(BAD_EXPIRY)),
    }
}
