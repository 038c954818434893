//! The key that tokens are signed with, and the set of public keys that others verify them by.

use std::collections::BTreeMap;

use contracts::token::Claims;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use service::Problem;

/// Signs tokens. The published set holds its own key and, before and after a rotation, the other one.
pub struct Signer {
    key: EncodingKey,
    header: Header,
    published: JwkSet,
}

impl Signer {
    /// From the keys of the secret: `private-key` (PKCS#8 PEM, RSA), and optionally `public-key`, which must belong to it,
    /// `next-public-key`, which everybody knows before anything is signed with it, and `previous-public-key`, which stays published until
    /// the last token signed with it has ended.
    ///
    /// # Errors
    /// Says which key is missing or wrong, never what it holds.
    pub fn of(secret: &BTreeMap<String, String>) -> Result<Self, String> {
        let private = given(secret, "private-key").ok_or("outrigger-jwt has no private-key")?;
        let wrong = |name: &'static str| move |error: jsonwebtoken::errors::Error| format!("outrigger-jwt: {name}: {error}");
        let key = EncodingKey::from_rsa_pem(private.as_bytes()).map_err(wrong("private-key"))?;
        let own = named(Jwk::from_encoding_key(&key, Algorithm::RS256).map_err(wrong("private-key"))?)?;
        if let Some(public) = given(secret, "public-key")
            && public_jwk(public).map_err(wrong("public-key"))?.algorithm != own.algorithm
        {
            return Err("outrigger-jwt: public-key does not belong to private-key".into());
        }
        let mut keys = vec![own.clone()];
        for name in ["next-public-key", "previous-public-key"] {
            let other = given(secret, name).map(|pem| named(public_jwk(pem).map_err(wrong(name))?)).transpose()?;
            keys.extend(other.filter(|other| !keys.contains(other)));
        }
        let mut header = Header::new(Algorithm::RS256);
        header.kid = own.common.key_id;
        Ok(Self { key, header, published: JwkSet { keys } })
    }

    /// What `/.well-known/jwks.json` answers.
    pub fn published(&self) -> &JwkSet {
        &self.published
    }

    /// The signed token.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub fn sign(&self, claims: &Claims) -> Result<String, Problem> {
        jsonwebtoken::encode(&self.header, claims, &self.key).map_err(Problem::internal)
    }
}

/// An empty value is how a secret store says "none".
fn given<'a>(secret: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    secret.get(name).map(String::as_str).filter(|value| !value.trim().is_empty())
}

fn public_jwk(pem: &str) -> jsonwebtoken::errors::Result<Jwk> {
    Jwk::from_decoding_key(&DecodingKey::from_rsa_pem(pem.as_bytes())?, Some(Algorithm::RS256))
}

/// Adds its use and its name: the thumbprint of RFC 7638, so that the same key has the same name wherever it is made.
fn named(mut jwk: Jwk) -> Result<Jwk, String> {
    let thumbprint = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|error| format!("outrigger-jwt: {error}"))?;
    jwk.common.key_id = Some(thumbprint);
    jwk.common.public_key_use = Some(PublicKeyUse::Signature);
    Ok(jwk)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    }

    fn pair() -> (String, String) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
    }

    fn secret<const N: usize>(keys: [(&str, &str); N]) -> BTreeMap<String, String> {
        keys.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn the_set_holds_the_own_key_the_next_and_the_previous_one_under_their_thumbprints() {
        let ((private, public), (_, next), (_, previous)) = (pair(), pair(), pair());
        let keys = secret([
            ("private-key", &private),
            ("public-key", &public),
            ("next-public-key", &next),
            ("previous-public-key", &previous),
        ]);
        let signer = Signer::of(&keys).unwrap();
        let set = serde_json::to_value(signer.published()).unwrap();
        assert_eq!(set["keys"].as_array().unwrap().len(), 3);
        assert_eq!(set["keys"][0]["kid"], json!(signer.header.kid));
        assert_eq!(
            (&set["keys"][0]["alg"], &set["keys"][0]["use"], &set["keys"][0]["e"]),
            (&json!("RS256"), &json!("sig"), &json!("AQAB"))
        );
        assert!(set["keys"][0].get("d").is_none());
    }

    #[test]
    fn a_key_has_the_name_of_the_example_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = serde_json::from_value(json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" })).unwrap();
        assert_eq!(named(jwk).unwrap().common.key_id.as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    #[test]
    fn a_missing_or_foreign_key_is_named_without_its_content() {
        let ((private, _), (_, foreign)) = (pair(), pair());
        assert_eq!(Signer::of(&secret([])).err().unwrap(), "outrigger-jwt has no private-key");
        let error = Signer::of(&secret([("private-key", &private), ("public-key", &foreign)])).err().unwrap();
        assert_eq!(error, "outrigger-jwt: public-key does not belong to private-key");
        assert!(Signer::of(&secret([("private-key", "hunter2")])).err().unwrap().starts_with("outrigger-jwt: private-key: "));
    }
}
