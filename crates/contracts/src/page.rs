//! One page of a list.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Items a page holds when the caller says nothing.
pub const DEFAULT_LIMIT: i64 = 20;
/// Most items a page holds.
pub const MAX_LIMIT: i64 = 100;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Items in all pages.
    pub total: i64,
    /// Most items this page could hold.
    pub limit: i64,
    /// Items before this page.
    pub offset: i64,
    /// Whether there are items after this page.
    pub has_more: bool,
}
