use proptest::prelude::*;

use super::event::{InvalidEvent, SaleEvent};
use super::*;
use crate::region::Sites;

fn sites() -> Sites {
    Sites::new(Region::parse("us-east-1").unwrap(), Region::parse("sa-east-1").unwrap()).unwrap()
}

fn sale() -> Sale {
    Sale {
        id: SaleId::parse("0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10").unwrap(),
        product: Product::parse("Book").unwrap(),
        amount: Amount::parse("223.34").unwrap(),
        created_at: Timestamp::from_millis(1_763_692_276_120),
        owner_region: Region::parse("us-east-1").unwrap(),
    }
}

#[test]
fn a_request_is_read_with_its_amount_as_number_or_string() {
    for body in
        [r#"{"product":" Book ","amount":223.34}"#, r#"{"amount":"223.340","product":"Book","colour":"red"}"#]
    {
        let new = NewSale::parse(body.as_bytes()).unwrap();
        assert!(sale().has_payload(&new), "{body}");
    }
}

#[test]
fn a_bad_request_names_the_field_at_fault() {
    for (body, field) in [
        ("", None),
        ("[]", None),
        ("{\"product\":\"Book\"", None),
        (r#"{"amount":1}"#, Some("product")),
        (r#"{"product":null,"amount":1}"#, Some("product")),
        (r#"{"product":7,"amount":1}"#, Some("product")),
        (r#"{"product":"   ","amount":1}"#, Some("product")),
        (r#"{"product":"a\u0000b","amount":1}"#, Some("product")),
        (r#"{"product":"Book"}"#, Some("amount")),
        (r#"{"product":"Book","amount":true}"#, Some("amount")),
        (r#"{"product":"Book","amount":0}"#, Some("amount")),
        (r#"{"product":"Book","amount":[1]}"#, Some("amount")),
    ] {
        assert_eq!(NewSale::parse(body.as_bytes()).unwrap_err().field(), field, "{body}");
    }
    let long = "x".repeat(PRODUCT_MAX_CHARS + 1);
    assert_eq!(Product::parse(&long), Err(InvalidProduct));
    assert!(Product::parse(&"ç".repeat(PRODUCT_MAX_CHARS)).is_ok(), "characters count, not bytes");
}

#[test]
fn one_key_is_one_sale_in_both_spellings_and_everywhere() {
    let quoted = IdempotencyKey::parse("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"").unwrap();
    let bare = IdempotencyKey::parse("8e03978e-40d5-43dd-bc93-6894a57f9324").unwrap();
    assert_eq!(SaleId::from_key(&quoted), SaleId::from_key(&bare));
    assert!(SaleId::from_key(&quoted).is_keyed());
    assert!(!SaleId::generate(Timestamp::from_seconds(1), &Random::from_seed(1)).is_keyed());
    assert_eq!(
        SaleId::from_key(&IdempotencyKey::parse("order-1").unwrap()).to_string(),
        "8fb4744f-30d2-5497-999c-99c8d83a9f56",
        "a change of the namespace would turn a retried request into a second sale"
    );
}

#[test]
fn a_malformed_key_is_refused() {
    for text in ["", "\"", "\"\"", "\"a", "a\"", "a b", "a,b", "a\u{e9}", "\"a\\x\"", "\"a\nb\""] {
        assert_eq!(IdempotencyKey::parse(text), Err(InvalidIdempotencyKey), "{text:?}");
    }
    assert!(IdempotencyKey::parse(&"k".repeat(IDEMPOTENCY_KEY_MAX_CHARS)).is_ok());
    assert!(IdempotencyKey::parse(&"k".repeat(IDEMPOTENCY_KEY_MAX_CHARS + 1)).is_err());
}

#[test]
fn the_archive_object_depends_on_nothing_but_the_sale() {
    assert_eq!(sale().archive_key(), "sales/2025/11/21/0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10.json");
    assert_eq!(
        String::from_utf8(sale().archive_body()).unwrap(),
        r#"{"id":"0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10","product":"Book","amount":223.34,"created_at":"2025-11-21T02:31:16.120Z"}"#
    );
}

#[test]
fn an_event_of_the_older_service_is_read() {
    let body = r#"{"id":"0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10","product":"Book","amount":223.34,"sale_processed":false,"timestamp":1763692276}"#;
    let event = SaleEvent::parse(body, &sites()).unwrap();
    assert_eq!(event.sale.created_at, Timestamp::from_seconds(1_763_692_276));
    assert_eq!(event.sale.owner_region.as_str(), "sa-east-1", "both regions must agree on an owner");
}

#[test]
fn the_older_service_finds_its_five_fields_in_our_events() {
    let body = SaleEvent { sale: sale(), traceparent: None, of_older_service: false }.to_json();
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["id"], "0199c5a0-6f1e-7c3a-9b1d-0c2f4e6a8b10");
    assert_eq!(json["product"], "Book");
    assert_eq!(json["amount"], 223.34);
    assert_eq!(json["sale_processed"], false);
    assert_eq!(json["timestamp"], 1_763_692_276);
}

#[test]
fn an_event_of_a_later_release_is_told_from_a_broken_one() {
    let body = SaleEvent { sale: sale(), traceparent: None, of_older_service: false }
        .to_json()
        .replace("\"version\":1", "\"version\":2");
    assert_eq!(SaleEvent::parse(&body, &sites()), Err(InvalidEvent::NewerVersion(2)));
    for body in ["", "{}", "null", r#"{"id":"x","product":"Book","amount":1,"timestamp":1}"#] {
        assert!(
            !matches!(SaleEvent::parse(body, &sites()), Ok(_) | Err(InvalidEvent::NewerVersion(_))),
            "{body}"
        );
    }
}

proptest! {
    #[test]
    fn an_event_is_read_back_as_it_was_written(product in "[^\\p{Cc}]{1,200}", cents in 1_u64..1_000_000_000_000, millis in 0_i64..253_402_300_799_999, seed: u64) {
        prop_assume!(!product.trim().is_empty());
        let random = Random::from_seed(seed);
        let sale = Sale {
            id: SaleId::generate(Timestamp::from_millis(millis), &random),
            product: Product::parse(&product).unwrap(),
            amount: Amount::parse(&format!("{}.{:02}", cents / 100, cents % 100)).unwrap(),
            created_at: Timestamp::from_millis(millis),
            owner_region: Region::parse("us-east-1").unwrap(),
        };
        let event = SaleEvent { sale, traceparent: Some(crate::trace::TraceParent::generate(&random)), of_older_service: false };
        prop_assert_eq!(SaleEvent::parse(&event.to_json(), &sites()), Ok(event));
    }

    #[test]
    fn no_body_makes_a_parser_panic(body in ".{0,300}") {
        let _ = SaleEvent::parse(&body, &sites());
        let _ = NewSale::parse(body.as_bytes());
        let _ = IdempotencyKey::parse(&body);
    }
}
