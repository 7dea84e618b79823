//! One page of a query or a scan: what is done with the items that are found, and when it is full.

use std::collections::{HashMap, HashSet};

use rustack_dynamodb_core::expression::{
    AttributePath, EvalContext, Expr, ExpressionError, collect_names_from_expr,
    collect_names_from_projection, collect_values_from_expr, parse_condition, parse_projection,
};
use rustack_dynamodb_model::AttributeValue;
use rustack_dynamodb_model::error::DynamoDBError;

use super::index::{Item, KeyNames};

/// What a page of a query or scan reads at most, as on AWS.
pub(super) const PAGE_MAX_BYTES: u64 = 1024 * 1024;

/// What is done with the items that are found.
pub(super) struct Shape<'a> {
    filter: Option<Expr>,
    projection: Option<Vec<AttributePath>>,
    pub(super) projected: Option<(Vec<String>, KeyNames)>,
    names: &'a HashMap<String, String>,
    values: &'a HashMap<String, AttributeValue>,
    pub(super) limit: usize,
    counts_only: bool,
}

/// One page.
#[derive(Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    pub(super) evaluated: usize,
    pub(super) bytes: u64,
    /// The key attributes of the last item read, when there may be more.
    pub(super) last: Option<Item>,
}

/// Whether a page takes more items.
#[derive(PartialEq, Eq)]
pub(super) enum Room {
    More,
    Full,
}

/// The expressions of a request with what they stand on.
pub(super) struct Asked<'a> {
    pub(super) condition: Option<&'a str>,
    pub(super) filter: Option<&'a str>,
    pub(super) projection: Option<&'a str>,
    pub(super) names: &'a HashMap<String, String>,
    pub(super) values: &'a HashMap<String, AttributeValue>,
    pub(super) limit: Option<i32>,
    pub(super) counts_only: bool,
}

impl<'a> Shape<'a> {
    pub(super) fn new(asked: &Asked<'a>) -> Result<Self, DynamoDBError> {
        let limit = match asked.limit {
            None => usize::MAX,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| *limit > 0)
                .ok_or_else(|| DynamoDBError::validation("Limit must be greater than 0"))?,
        };
        let condition = asked.condition.map(parse_condition).transpose().map_err(invalid)?;
        let filter = asked.filter.map(parse_condition).transpose().map_err(invalid)?;
        let projection = asked.projection.map(parse_projection).transpose().map_err(invalid)?;
        all_used(asked, [condition.as_ref(), filter.as_ref()], projection.as_deref())?;
        let Asked { names, values, counts_only, .. } = *asked;
        Ok(Self { filter, projection, projected: None, names, values, limit, counts_only })
    }

    /// Filters and projects; `None` when the filter does not hold.
    pub(super) fn apply(&self, mut item: Item, keys: &KeyNames) -> Result<Option<Item>, DynamoDBError> {
        if let Some((projected, index)) = &self.projected {
            item.retain(|name, _| keys.has(name) || index.has(name) || projected.contains(name));
        }
        let context = EvalContext { item: &item, names: self.names, values: self.values };
        if let Some(filter) = &self.filter
            && !context.evaluate(filter).map_err(invalid)?
        {
            return Ok(None);
        }
        match &self.projection {
            Some(paths) => Ok(Some(context.apply_projection(paths))),
            None => Ok(Some(item)),
        }
    }
}

impl Page {
    pub(super) fn finish(self, shape: &Shape<'_>) -> (Option<Vec<Item>>, i32, i32, Item) {
        let count = i32::try_from(self.items.len()).unwrap_or(i32::MAX);
        let evaluated = i32::try_from(self.evaluated).unwrap_or(i32::MAX);
        let items = (!shape.counts_only).then_some(self.items);
        (items, count, evaluated, self.last.unwrap_or_default())
    }
}

/// DynamoDB refuses a request that defines a name or a value and does not use it.
fn all_used(
    asked: &Asked<'_>,
    conditions: [Option<&Expr>; 2],
    projection: Option<&[AttributePath]>,
) -> Result<(), DynamoDBError> {
    let (mut names, mut values) = (HashSet::new(), HashSet::new());
    for condition in conditions.into_iter().flatten() {
        collect_names_from_expr(condition, &mut names);
        collect_values_from_expr(condition, &mut values);
    }
    if let Some(projection) = projection {
        collect_names_from_projection(projection, &mut names);
    }
    let bare = |defined: &str| defined.trim_start_matches(['#', ':']).to_owned();
    let used =
        |used: &HashSet<String>, defined: &str| used.contains(defined) || used.contains(&bare(defined));
    let idle_name = asked.names.keys().find(|name| !used(&names, name));
    let idle_value = asked.values.keys().find(|value| !used(&values, value));
    match idle_name.or(idle_value) {
        None => Ok(()),
        Some(idle) => {
            let why = format!("Value provided in the expression attributes unused in expressions: {idle}");
            Err(DynamoDBError::validation(why))
        }
    }
}

fn invalid(error: ExpressionError) -> DynamoDBError {
    DynamoDBError::validation(error.to_string())
}
