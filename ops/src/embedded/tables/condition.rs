//! Reads a key condition: which partition of an index, and which stretch of it.

use std::collections::HashMap;

use rustack_dynamodb_core::expression::ast::{CompareOp, FunctionName, LogicalOp};
use rustack_dynamodb_core::expression::{Expr, Operand, PathElement, parse_condition};
use rustack_dynamodb_core::storage::SortableAttributeValue;
use rustack_dynamodb_model::AttributeValue;
use rustack_dynamodb_model::error::DynamoDBError;

use super::index::{KeyNames, sortable};

/// The stretch of a partition that is asked for.
#[derive(Debug, Clone)]
pub(super) enum Stretch {
    All,
    Compare(CompareOp, SortableAttributeValue),
    Between(SortableAttributeValue, SortableAttributeValue),
    Prefix(AttributeValue),
}

/// A key condition, understood.
#[derive(Debug)]
pub(super) struct KeyCondition {
    pub hash: SortableAttributeValue,
    pub stretch: Stretch,
}

impl Stretch {
    /// Where in ascending order the stretch can begin.
    pub(super) fn lowest(&self) -> Option<SortableAttributeValue> {
        match self {
            Self::Compare(CompareOp::Eq | CompareOp::Gt | CompareOp::Ge, value) | Self::Between(value, _) => {
                Some(value.clone())
            }
            Self::Prefix(prefix) => sortable(prefix),
            Self::Compare(CompareOp::Lt | CompareOp::Le | CompareOp::Ne, _) | Self::All => None,
        }
    }

    /// Whether nothing that sorts after this value can be in the stretch.
    pub(super) fn ends_before(&self, value: &SortableAttributeValue) -> bool {
        match self {
            Self::Compare(CompareOp::Eq | CompareOp::Le, end) | Self::Between(_, end) => value > end,
            Self::Compare(CompareOp::Lt, end) => value >= end,
            Self::Compare(CompareOp::Gt | CompareOp::Ge | CompareOp::Ne, _) | Self::All | Self::Prefix(_) => {
                false
            }
        }
    }

    pub(super) fn holds(&self, value: &SortableAttributeValue) -> bool {
        match self {
            Self::All => true,
            Self::Compare(CompareOp::Eq, wanted) => value == wanted,
            Self::Compare(CompareOp::Ne, other) => value != other,
            Self::Compare(CompareOp::Lt, end) => value < end,
            Self::Compare(CompareOp::Le, end) => value <= end,
            Self::Compare(CompareOp::Gt, start) => value > start,
            Self::Compare(CompareOp::Ge, start) => value >= start,
            Self::Between(low, high) => low <= value && value <= high,
            Self::Prefix(prefix) => match (value, prefix) {
                (SortableAttributeValue::S(text), AttributeValue::S(start)) => {
                    text.starts_with(start.as_str())
                }
                (SortableAttributeValue::B(bytes), AttributeValue::B(start)) => bytes.starts_with(start),
                _ => false,
            },
        }
    }
}

/// Understands `hash = :h`, alone or with one condition on the range key, in either order.
pub(super) fn key_condition(
    text: &str,
    keys: &KeyNames,
    names: &HashMap<String, String>,
    values: &HashMap<String, AttributeValue>,
) -> Result<KeyCondition, DynamoDBError> {
    let parsed = parse_condition(text).map_err(|error| DynamoDBError::validation(error.to_string()))?;
    let reader = Reader { names, values };
    let mut hash = None;
    let mut stretch = None;
    for part in parts(&parsed) {
        let (attribute, condition) = reader.read(part)?;
        if attribute == keys.hash
            && hash.is_none()
            && let Stretch::Compare(CompareOp::Eq, value) = condition
        {
            hash = Some(value);
        } else if keys.range.as_deref() == Some(attribute) && stretch.is_none() {
            stretch = Some(condition);
        } else {
            return Err(refused(
                "it takes an equality on the hash key and at most one condition on the range key",
            ));
        }
    }
    let hash = hash.ok_or_else(|| refused("the hash key of the index needs an equality condition"))?;
    Ok(KeyCondition { hash, stretch: stretch.unwrap_or(Stretch::All) })
}

fn parts(expression: &Expr) -> Vec<&Expr> {
    if let Expr::Logical { op: LogicalOp::And, left, right } = expression {
        vec![left.as_ref(), right.as_ref()]
    } else {
        vec![expression]
    }
}

struct Reader<'a> {
    names: &'a HashMap<String, String>,
    values: &'a HashMap<String, AttributeValue>,
}

impl<'a> Reader<'a> {
    fn read(&self, part: &'a Expr) -> Result<(&'a str, Stretch), DynamoDBError> {
        match part {
            Expr::Compare { left, op, right } if *op != CompareOp::Ne => {
                Ok((self.attribute(left)?, Stretch::Compare(*op, self.sortable(right)?)))
            }
            Expr::Between { value, low, high } => {
                Ok((self.attribute(value)?, Stretch::Between(self.sortable(low)?, self.sortable(high)?)))
            }
            Expr::Function { name: FunctionName::BeginsWith, args } => match args.as_slice() {
                [attribute, prefix] => {
                    Ok((self.attribute(attribute)?, Stretch::Prefix(self.value(prefix)?.clone())))
                }
                _ => Err(refused("begins_with takes an attribute and a value")),
            },
            Expr::Compare { .. }
            | Expr::Function { .. }
            | Expr::In { .. }
            | Expr::Logical { .. }
            | Expr::Not(_) => Err(refused("an operator that a key condition does not know")),
        }
    }

    fn attribute(&self, operand: &'a Operand) -> Result<&'a str, DynamoDBError> {
        let Operand::Path(path) = operand else {
            return Err(refused("a key condition names an attribute first"));
        };
        match path.elements.as_slice() {
            [PathElement::Attribute(name)] if name.starts_with('#') => self
                .names
                .get(name)
                .map(String::as_str)
                .ok_or_else(|| refused(&format!("{name} is not defined"))),
            [PathElement::Attribute(name)] => Ok(name),
            _ => Err(refused("a key condition names a top-level attribute")),
        }
    }

    fn value(&self, operand: &Operand) -> Result<&'a AttributeValue, DynamoDBError> {
        let Operand::Value(name) = operand else {
            return Err(refused("a key condition compares with a value"));
        };
        // The parser leaves the colon out, the request has it in.
        let name = format!(":{name}");
        self.values.get(&name).ok_or_else(|| refused(&format!("{name} is not defined")))
    }

    fn sortable(&self, operand: &Operand) -> Result<SortableAttributeValue, DynamoDBError> {
        sortable(self.value(operand)?).ok_or_else(|| refused("a key is a string, a number or binary"))
    }
}

fn refused(why: &str) -> DynamoDBError {
    DynamoDBError::validation(format!("Invalid KeyConditionExpression: {why}"))
}
