//! Addresses as people give them.

use super::{Config, Secret, base, is_loopback};

#[test]
fn addresses_lead_to_the_same_place() {
    for given in [
        "http://127.0.0.1:8000",
        " http://127.0.0.1:8000/ ",
        "http://127.0.0.1:8000/v1",
        "http://127.0.0.1:8000/v1/",
        "http://127.0.0.1:8000/v1/chat/completions",
    ] {
        assert_eq!(base(given).unwrap(), "http://127.0.0.1:8000/v1", "{given}");
    }
    assert_eq!(base("https://models.example/api/v3").unwrap(), "https://models.example/api/v3");
    for given in ["", "models.example", "ftp://x", "http://", "http:///v1", "http://a/?key=1"] {
        assert!(base(given).is_err(), "{given}");
    }
    let error = base("https://me:hunter2@models.example").unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn only_this_machine_is_asked_past_a_proxy() {
    for own in ["http://localhost/v1", "http://127.0.0.1:80/v1", "http://[::1]:8080/v1"] {
        assert!(is_loopback(own), "{own}");
    }
    for other in ["http://localhost.example/v1", "http://10.0.0.1/v1"] {
        assert!(!is_loopback(other), "{other}");
    }
}

#[test]
fn key_is_not_shown() {
    let config = Config { key: Some(Secret::new("sk-1234")), ..Config::new("http://a") };
    assert!(!format!("{config:?}").contains("sk-1234"));
}
