//! What of the list is shown: the address says it, so that back, reload and a shared link show the same.

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use service::fields::{Fields, date, integer, text};

/// Tasks on one page.
pub const LIMIT: i64 = 50;

/// The filters by status, as the address names them: name, label, the API's value.
pub const STATUSES: [(&str, &str, &str); 4] = [
    ("open", "Open", "todo,in_progress"),
    ("in_progress", "In progress", "in_progress"),
    ("completed", "Completed", "completed"),
    ("all", "All", "todo,in_progress,completed"),
];

/// The priorities: the API's value and the label.
pub const PRIORITIES: [(&str, &str); 3] = [("high", "High"), ("medium", "Medium"), ("low", "Low")];

/// When it is due: name and label; `dates` reads two more fields.
pub const DUES: [(&str, &str); 5] =
    [("", "Any time"), ("overdue", "Overdue"), ("today", "Today"), ("week", "This week"), ("dates", "Between two dates")];

/// The orders: the API's value and the label, which says the direction.
pub const ORDERS: [(&str, &str); 8] = [
    ("due_date_asc", "Due date ↑ earliest first"),
    ("due_date_desc", "Due date ↓ latest first"),
    ("priority_desc", "Priority ↓ high first"),
    ("priority_asc", "Priority ↑ low first"),
    ("created_desc", "Created ↓ newest first"),
    ("created_asc", "Created ↑ oldest first"),
    ("title_asc", "Title ↑ A to Z"),
    ("title_desc", "Title ↓ Z to A"),
];

/// What of the list is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// A name of [`STATUSES`].
    pub status: &'static str,
    /// What is looked for, if anything.
    pub search: String,
    /// Of [`PRIORITIES`], in their order; none for any.
    pub priorities: Vec<&'static str>,
    /// All of these, or one of them.
    pub tags: Vec<String>,
    /// Whether one of the tags is enough.
    pub any_tag: bool,
    /// A name of [`DUES`].
    pub due: &'static str,
    /// With `dates`: the first day.
    pub from: Option<NaiveDate>,
    /// With `dates`: the last day.
    pub until: Option<NaiveDate>,
    /// Of [`ORDERS`], at most two, of different fields; none for the list's own.
    pub sort: Vec<&'static str>,
    /// From 1.
    pub page: i64,
}

impl Default for List {
    fn default() -> Self {
        Self {
            status: "open",
            search: String::new(),
            priorities: Vec::new(),
            tags: Vec::new(),
            any_tag: false,
            due: "",
            from: None,
            until: None,
            sort: Vec::new(),
            page: 1,
        }
    }
}

impl List {
    /// From the address; what it does not know it leaves out, for a link must not break.
    pub fn of(query: Option<&str>) -> Self {
        let mut fields = Fields::of_query(query);
        let mut words =
            |name: &str, longest: usize| fields.optional(name, |value: &Value| text(value, 0, longest)).unwrap_or_default();
        let (status, search, priority) = (words("status", 20), words("search", 200), words("priority", 100));
        let (tags, tags_match, due) = (words("tags", 2_000), words("tags_match", 10), words("due", 10));
        let sort = format!("{},{}", words("sort", 100), words("then", 20));
        let (from, until) = (fields.optional("from", date), fields.optional("until", date));
        let mut list = Self {
            status: STATUSES.iter().map(|(name, ..)| *name).find(|name| *name == status).unwrap_or("open"),
            search,
            priorities: PRIORITIES
                .iter()
                .map(|(name, _)| *name)
                .filter(|name| priority.split(',').any(|word| word == *name))
                .collect(),
            any_tag: tags_match == "any",
            due: DUES.iter().map(|(name, _)| *name).find(|name| *name == due).unwrap_or_default(),
            from,
            until,
            page: fields.optional("page", |value| integer(value, 1, 10_000)).unwrap_or(1),
            ..Self::default()
        };
        let (page, every) = (list.page, crate::form::names(&tags));
        list = every.iter().fold(list, |list, tag| list.with_tag(tag));
        list.page = page;
        for wanted in sort.split(',') {
            let known = ORDERS.iter().map(|(name, _)| *name).find(|name| *name == wanted);
            list.sort
                .extend(known.filter(|name| list.sort.len() < 2 && list.sort.iter().all(|other| field(other) != field(name))));
        }
        // Dates that are given are meant, and of two that are the wrong way round the same days are.
        match (list.due, list.from, list.until) {
            ("", None, None) => {}
            ("" | "dates", from, until) => {
                let (first, last) = if until.is_some() && from > until { (until, from) } else { (from, until) };
                list = Self { due: if first.or(last).is_some() { "dates" } else { "" }, from: first, until: last, ..list };
            }
            _ => list = Self { from: None, until: None, ..list },
        }
        list.any_tag &= list.tags.len() > 1;
        list
    }

    /// From an address of ours.
    pub fn at(href: &str) -> Self {
        Self::of(href.split_once('?').map(|(_, query)| query))
    }

    /// The API's statuses. What is overdue is not completed.
    pub fn statuses(&self) -> &'static str {
        let name = if (self.status, self.due) == ("all", "overdue") { "open" } else { self.status };
        STATUSES.iter().find(|(known, ..)| *known == name).map_or("", |(_, _, statuses)| statuses)
    }

    /// The API's query, for a person in `zone`.
    pub fn query(&self, zone: Tz, now: DateTime<Utc>) -> Vec<(&'static str, String)> {
        let mut query = vec![
            ("status", self.statuses().to_owned()),
            ("limit", LIMIT.to_string()),
            ("offset", ((self.page - 1) * LIMIT).to_string()),
        ];
        let today = now.with_timezone(&zone).date_naive();
        let monday = today - Days::new(u64::from(today.weekday().num_days_from_monday()));
        let (start, end) = match self.due {
            "overdue" => (None, Some(crate::zone::iso(now))),
            "today" => (Some(today), Some(today.to_string())),
            "week" => (Some(monday), Some((monday + Days::new(6)).to_string())),
            _ => (self.from, self.until.map(|date| date.to_string())),
        };
        query.extend(start.map(|date| ("due_date_start", date.to_string())));
        query.extend(end.map(|end| ("due_date_end", end)));
        query.extend(
            self.given().into_iter().filter(|(name, _)| ["search", "priority", "tags", "tags_match", "sort"].contains(name)),
        );
        query
    }

    /// What differs from the plain list, as the address says it.
    fn given(&self) -> Vec<(&'static str, String)> {
        let day = |date: Option<NaiveDate>| date.map(|date| date.to_string()).unwrap_or_default();
        let all = [
            ("status", if self.status == "open" { String::new() } else { self.status.into() }),
            ("search", self.search.clone()),
            ("priority", self.priorities.join(",")),
            ("tags", self.tags.join(",")),
            ("tags_match", if self.any_tag { "any".into() } else { String::new() }),
            ("due", self.due.to_owned()),
            ("from", day(self.from)),
            ("until", day(self.until)),
            ("sort", self.sort.join(",")),
            ("page", if self.page > 1 { self.page.to_string() } else { String::new() }),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The address of this list.
    pub fn href(&self) -> String {
        let query = self.given();
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

    /// The same list, and only what bears this tag too.
    pub fn with_tag(&self, tag: &str) -> Self {
        let mut list = Self { page: 1, ..self.clone() };
        if list.tags.iter().all(|known| known.to_lowercase() != tag.to_lowercase()) {
            list.tags.push(tag.to_owned());
        }
        list
    }

    /// Without search and filters; the order stays.
    pub fn cleared(&self) -> Self {
        Self { sort: self.sort.clone(), ..Self::default() }
    }

    /// Whether a search or a filter narrows it.
    pub fn is_narrowed(&self) -> bool {
        !self.narrowed_by().is_empty()
    }

    /// Whether an order was chosen, or a filter other than the status: then where a new task belongs is the API's to say.
    pub fn is_arranged(&self) -> bool {
        self.is_narrowed() || !self.sort.is_empty() || self.page > 1
    }

    /// What narrows it, one after the other: in words, and the list without it. The status has tabs of its own.
    pub fn narrowed_by(&self) -> Vec<(String, Self)> {
        let first = Self { page: 1, ..self.clone() };
        let mut all = Vec::new();
        if !self.search.is_empty() {
            all.push((format!("“{}”", self.search), Self { search: String::new(), ..first.clone() }));
        }
        for (name, label) in PRIORITIES.iter().filter(|(name, _)| self.priorities.contains(name)) {
            let rest = self.priorities.iter().copied().filter(|other| other != name).collect();
            all.push((format!("{label} priority"), Self { priorities: rest, ..first.clone() }));
        }
        for tag in &self.tags {
            let rest: Vec<String> = self.tags.iter().filter(|other| *other != tag).cloned().collect();
            let any_tag = self.any_tag && rest.len() > 1;
            all.push((format!("#{tag}"), Self { tags: rest, any_tag, ..first.clone() }));
        }
        if let Some(words) = self.due_words() {
            all.push((words, Self { due: "", from: None, until: None, ..first }));
        }
        all
    }

    fn due_words(&self) -> Option<String> {
        let day = |date: NaiveDate| date.format("%-d %b %Y").to_string();
        match (self.due, self.from, self.until) {
            ("", ..) => None,
            ("dates", Some(from), Some(until)) => Some(format!("Due {} to {}", day(from), day(until))),
            ("dates", Some(from), None) => Some(format!("Due from {}", day(from))),
            ("dates", _, until) => until.map(|until| format!("Due until {}", day(until))),
            ("overdue", ..) => Some("Overdue".into()),
            ("today", ..) => Some("Due today".into()),
            _ => Some("Due this week".into()),
        }
    }

    /// Whether a priority is among those shown.
    pub fn shows(&self, priority: &str) -> bool {
        self.priorities.contains(&priority)
    }

    /// The value of a date field.
    pub fn day(&self, which: &str) -> String {
        let date = if which == "from" { self.from } else { self.until };
        date.map(|date| date.to_string()).unwrap_or_default()
    }

    /// Whether the nth order is this one.
    pub fn sorts(&self, nth: usize, order: &str) -> bool {
        self.sort.get(nth).is_some_and(|chosen| *chosen == order)
    }

    /// The orders that may come second: by another field than the first.
    pub fn seconds(&self) -> Vec<(&'static str, &'static str)> {
        let Some(first) = self.sort.first() else { return Vec::new() };
        ORDERS.into_iter().filter(|(order, _)| field(order) != field(first)).collect()
    }

    /// Numbers of the pages to offer: the first, the last, and those around this one; 0 stands for those left out.
    pub fn pages(&self, total: i64) -> Vec<i64> {
        let last = ((total + LIMIT - 1) / LIMIT).max(1);
        let near = |page: &i64| *page == 1 || *page == last || (page - self.page).abs() <= 2;
        let mut pages = Vec::new();
        for page in (1..=last).filter(near) {
            if pages.last().is_some_and(|before| page - before > 1) {
                pages.push(0);
            }
            pages.push(page);
        }
        pages
    }
}

/// What an order goes by.
fn field(order: &str) -> &str {
    order.rsplit_once('_').map_or(order, |(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_goes_there_and_back() {
        let query = "status=completed&search=caf%C3%A9%20%26%20tea&priority=high,low&tags=home,Work%20%26%20play&tags_match=any&due=dates\
                     &from=2026-03-01&until=2026-03-31&sort=priority_desc,due_date_asc&page=3";
        let list = List::of(Some(query));
        assert_eq!(list.href(), format!("/app?{query}"));
        assert_eq!(List::at(&list.href()), list);
        assert_eq!(list.narrowed_by().len(), 6);
        assert_eq!(List::of(None).href(), "/app");
        let asked = list.query(Tz::UTC, DateTime::UNIX_EPOCH);
        assert!(asked.contains(&("offset", "100".into())) && asked.contains(&("due_date_start", "2026-03-01".into())));
    }

    #[test]
    fn what_is_unknown_is_left_out() {
        assert_eq!(
            List::of(Some("status=later&page=-1&colour=red&priority=urgent&due=soon&sort=colour&from=never")),
            List::default()
        );
    }

    #[test]
    fn a_form_without_script_says_the_same_in_its_own_way() {
        let list = List::of(Some(
            "priority=high&priority=low&tags=home,&due=&from=&until=2026-03-31&sort=due_date_asc&then=priority_desc",
        ));
        assert_eq!(list.href(), "/app?priority=high,low&tags=home&due=dates&until=2026-03-31&sort=due_date_asc,priority_desc");
        // The second order is of another field, or there is none.
        assert_eq!(List::of(Some("sort=due_date_asc&then=due_date_desc")).sort, ["due_date_asc"]);
        assert_eq!(
            List::of(Some("due=dates&from=2026-03-31&until=2026-03-01")).href(),
            "/app?due=dates&from=2026-03-01&until=2026-03-31"
        );
        assert_eq!(List::of(Some("due=today&from=2026-03-31")).href(), "/app?due=today");
    }

    #[test]
    fn days_are_those_of_the_person() {
        let zone = chrono_tz::Pacific::Auckland;
        // A Sunday in UTC, the Monday after it in Auckland.
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        let due = |query: &str| -> Vec<String> {
            let asked = List::of(Some(query)).query(zone, now);
            asked.into_iter().filter(|(name, _)| name.starts_with("due")).map(|(_, value)| value).collect()
        };
        assert_eq!(due("due=today"), ["2026-03-02", "2026-03-02"]);
        assert_eq!(due("due=week"), ["2026-03-02", "2026-03-08"]);
        assert_eq!(due("due=overdue"), ["2026-03-01T12:00:00Z"]);
        assert_eq!(List::of(Some("due=overdue&status=all")).statuses(), "todo,in_progress");
    }

    #[test]
    fn pages_far_away_are_left_out() {
        let pages = |page, total| List { page, ..List::default() }.pages(total);
        assert_eq!(pages(1, 0), [1]);
        assert_eq!(pages(1, 101), [1, 2, 3]);
        assert_eq!(pages(10, 1_000), [1, 0, 8, 9, 10, 11, 12, 0, 20]);
    }
}
