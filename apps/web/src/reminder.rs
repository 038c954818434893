//! The reminder selector: four presets, or a number and its unit, to minutes before the due time and back.

/// Most minutes a reminder may come before the due time: a year.
const MOST: i64 = 525_600;
/// Minutes that have their own choice in the selector.
const PRESETS: [i32; 3] = [1440, 60, 15];

/// What the selector and the two custom fields show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// `off`, `1440`, `60`, `15` or `custom`.
    pub preset: String,
    /// With `custom`: how many.
    pub number: String,
    /// With `custom`: `minutes`, `hours` or `days`.
    pub unit: String,
}

impl Choice {
    /// What shows `minutes`; in the largest unit that leaves no rest.
    pub fn of(minutes: Option<i32>) -> Self {
        let (preset, number, unit) = match minutes {
            None => ("off".to_owned(), 30, "minutes"),
            Some(minutes) if PRESETS.contains(&minutes) => (minutes.to_string(), 30, "minutes"),
            Some(minutes) if minutes != 0 && minutes % 1440 == 0 => ("custom".to_owned(), minutes / 1440, "days"),
            Some(minutes) if minutes != 0 && minutes % 60 == 0 => ("custom".to_owned(), minutes / 60, "hours"),
            Some(minutes) => ("custom".to_owned(), minutes, "minutes"),
        };
        Self { preset, number: number.to_string(), unit: unit.to_owned() }
    }

    /// The minutes it stands for; none for off.
    ///
    /// # Errors
    /// The rule.
    pub fn minutes(&self) -> Result<Option<i32>, String> {
        match self.preset.as_str() {
            "" | "off" => Ok(None),
            "custom" => minutes(&self.number, &self.unit).map(Some),
            preset => PRESETS
                .into_iter()
                .find(|minutes| minutes.to_string() == preset)
                .map(Some)
                .ok_or_else(|| "is not one of the choices".into()),
        }
    }
}

/// A number and its unit in minutes.
///
/// # Errors
/// The rule.
pub fn minutes(number: &str, unit: &str) -> Result<i32, String> {
    let factor = match unit {
        "minutes" | "" => 1,
        "hours" => 60,
        "days" => 1440,
        _ => return Err("must be in minutes, hours or days".into()),
    };
    let number: i64 = number.trim().parse().map_err(|_| "must be a whole number, such as 30".to_owned())?;
    let minutes = number.checked_mul(factor).filter(|minutes| (0..=MOST).contains(minutes));
    minutes.and_then(|minutes| i32::try_from(minutes).ok()).ok_or_else(|| "must be between 0 minutes and 365 days before".into())
}

/// `15 minutes before`, `At the due time`.
pub fn words(minutes: i32) -> String {
    let counted = |count: i32, unit: &str| format!("{count} {unit}{} before", if count == 1 { "" } else { "s" });
    match minutes {
        0 => "At the due time".into(),
        minutes if minutes % 1440 == 0 => counted(minutes / 1440, "day"),
        minutes if minutes % 60 == 0 => counted(minutes / 60, "hour"),
        minutes => counted(minutes, "minute"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_equals_the_apis_value_and_comes_back() {
        for (minutes, preset, shown) in [
            (1440, "1440", "1 day before"),
            (60, "60", "1 hour before"),
            (15, "15", "15 minutes before"),
            (1, "custom", "1 minute before"),
            (180, "custom", "3 hours before"),
            (2880, "custom", "2 days before"),
            (0, "custom", "At the due time"),
        ] {
            let choice = Choice::of(Some(minutes));
            assert_eq!(choice.preset, preset);
            assert_eq!(choice.minutes(), Ok(Some(minutes)));
            assert_eq!(words(minutes), shown);
        }
        assert_eq!(Choice::of(None).minutes(), Ok(None));
    }

    #[test]
    fn what_is_no_time_span_is_refused() {
        for (number, unit) in [
            ("", "minutes"),
            ("-1", "minutes"),
            ("1.5", "hours"),
            ("366", "days"),
            ("9223372036854775807", "days"),
            ("1", "weeks"),
        ] {
            assert!(minutes(number, unit).is_err(), "{number} {unit}");
        }
    }
}
