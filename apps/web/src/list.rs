//! What of the list is shown: the address says it, so that back, reload and a shared link show the same.

use service::fields::{Fields, integer, text};

/// Tasks on one page.
pub const LIMIT: i64 = 50;

/// The filters by status, as the address names them: name, label, the API's value.
pub const FILTERS: [(&str, &str, &str); 4] = [
    ("open", "Open", "todo,in_progress"),
    ("in_progress", "In progress", "in_progress"),
    ("completed", "Completed", "completed"),
    ("all", "All", "todo,in_progress,completed"),
];

/// What of the list is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// A name of [`FILTERS`].
    pub status: &'static str,
    /// What is looked for, if anything.
    pub search: String,
    /// From 1.
    pub page: i64,
}

impl List {
    /// From the address; what it does not know it leaves out, for a link must not break.
    pub fn of(query: Option<&str>) -> Self {
        let mut fields = Fields::of_query(query);
        let status = fields.optional("status", |value| text(value, 0, 20)).unwrap_or_default();
        Self {
            status: FILTERS.iter().map(|(name, ..)| *name).find(|name| *name == status).unwrap_or("open"),
            search: fields.optional("search", |value| text(value, 0, 200)).unwrap_or_default(),
            page: fields.optional("page", |value| integer(value, 1, 10_000)).unwrap_or(1),
        }
    }

    /// The API's statuses.
    pub fn statuses(&self) -> &'static str {
        FILTERS.iter().find(|(name, ..)| *name == self.status).map_or("", |(_, _, statuses)| statuses)
    }

    /// The API's query.
    pub fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("status", self.statuses().to_owned()),
            ("limit", LIMIT.to_string()),
            ("offset", ((self.page - 1) * LIMIT).to_string()),
        ];
        if !self.search.is_empty() {
            query.push(("search", self.search.clone()));
        }
        query
    }

    /// The address of this list.
    pub fn href(&self) -> String {
        let mut query = Vec::new();
        if self.status != "open" {
            query.push(("status", self.status.to_owned()));
        }
        if !self.search.is_empty() {
            query.push(("search", self.search.clone()));
        }
        if self.page > 1 {
            query.push(("page", self.page.to_string()));
        }
        if query.is_empty() { "/app".into() } else { format!("/app?{}", crate::api::query(&query)) }
    }

    /// The same list with another status, from its first page.
    pub fn with_status(&self, status: &'static str) -> Self {
        Self { status, page: 1, ..self.clone() }
    }

    /// The same list, another page.
    pub fn with_page(&self, page: i64) -> Self {
        Self { page, ..self.clone() }
    }

    /// The same status without a search.
    pub fn without_search(&self) -> Self {
        Self { search: String::new(), page: 1, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_goes_there_and_back() {
        let list = List::of(Some("status=completed&search=caf%C3%A9+%26+tea&page=3"));
        assert_eq!(list, List { status: "completed", search: "café & tea".into(), page: 3 });
        assert_eq!(list.href(), "/app?status=completed&search=caf%C3%A9%20%26%20tea&page=3");
        assert!(list.query().contains(&("offset", "100".into())));
        assert_eq!(List::of(None).href(), "/app");
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        assert_eq!(List::of(Some("status=later&page=-1&colour=red")), List { status: "open", search: String::new(), page: 1 });
    }
}
