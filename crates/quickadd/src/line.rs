//! The words of a line, and what is left of it when some are taken out.

use std::ops::Range;

use crate::Part;

/// Opening quotes, each with the one that closes it. Telephones write the curly ones by themselves.
const QUOTES: [(char, char); 2] = [('"', '"'), ('“', '”')];
/// What may end a word without being part of it.
const PUNCTUATION: [char; 6] = ['.', ',', ';', ':', '!', '?'];

/// A run of text without spaces, or a quotation whole.
#[derive(Debug)]
pub struct Word {
    /// Its bytes, with the punctuation that ends it.
    pub range: Range<usize>,
    /// Lower case, without the punctuation that ends it; empty for a quotation, which nothing reads.
    pub text: String,
    /// As written, without the punctuation that ends it.
    pub spelled: String,
    /// The punctuation that ends it.
    pub tail: String,
    /// Inside the quotes, when it is a quotation.
    pub quoted: Option<Range<usize>>,
}

/// Cuts a line into its words.
pub fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = line[at..].find(|each: char| !each.is_whitespace()).map(|skip| at + skip) {
        let word = quotation(line, start).unwrap_or_else(|| plain(line, start));
        at = word.range.end;
        words.push(word);
    }
    words
}

/// The quotation that begins here: its end is followed by a space, punctuation or the end of the line, else the quote is an inch.
fn quotation(line: &str, start: usize) -> Option<Word> {
    let rest = &line[start..];
    let (open, close) = QUOTES.into_iter().find(|(open, _)| rest.starts_with(*open))?;
    let from = start + open.len_utf8();
    let ends = |at: &usize| {
        let after = line[at + close.len_utf8()..].trim_start_matches(PUNCTUATION);
        after.is_empty() || after.starts_with(char::is_whitespace)
    };
    let to = line[from..].match_indices(close).map(|(at, _)| from + at).find(ends)?;
    let after = &line[to + close.len_utf8()..];
    let tail: String = after.chars().take_while(|each| PUNCTUATION.contains(each)).collect();
    let range = start..to + close.len_utf8() + tail.len();
    Some(Word { range, text: String::new(), spelled: String::new(), tail, quoted: Some(from..to) })
}

fn plain(line: &str, start: usize) -> Word {
    let rest = &line[start..];
    let whole = &rest[..rest.find(char::is_whitespace).unwrap_or(rest.len())];
    let spelled = whole.trim_end_matches(PUNCTUATION);
    Word {
        range: start..start + whole.len(),
        text: spelled.to_lowercase(),
        spelled: spelled.to_owned(),
        tail: whole[spelled.len()..].to_owned(),
        quoted: None,
    }
}

/// The line without its parts and without the quotes of those quotations that are not `kept`, spaces folded.
pub fn title(line: &str, words: &[Word], parts: &[Part], kept: impl Fn(&str) -> bool) -> String {
    let mut left = String::with_capacity(line.len());
    for word in words {
        if parts.iter().any(|part| part.range.contains(&word.range.start)) {
            continue;
        }
        match &word.quoted {
            Some(inside) if !kept(&line[inside.clone()]) => left.extend([&line[inside.clone()], &word.tail]),
            _ => left.push_str(&line[word.range.clone()]),
        }
        left.push(' ');
    }
    left.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A place between words, from which a reader goes on as long as nothing ends the sentence.
#[derive(Clone, Copy)]
pub struct Cursor<'a> {
    words: &'a [Word],
    start: usize,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Before one of the words.
    pub fn new(words: &'a [Word], at: usize) -> Self {
        Self { words, start: at, at }
    }

    /// How many words lie before it.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether it has moved.
    pub fn moved(&self) -> bool {
        self.at > self.start
    }

    /// The next word in lower case; empty at a quotation, after the end of a sentence, and at the end of the line.
    pub fn peek(&self) -> &'a str {
        let ends = |word: &Word| !word.tail.is_empty() && word.tail != "," && !is_abbreviated(word);
        if self.moved() && self.words.get(self.at - 1).is_some_and(ends) {
            return "";
        }
        self.words.get(self.at).map_or("", |word| &word.text)
    }

    /// The word before the place, in lower case.
    pub fn before(&self) -> &'a str {
        self.at.checked_sub(1).and_then(|at| self.words.get(at)).filter(|word| word.tail.is_empty()).map_or("", |word| &word.text)
    }

    /// The next word as it is spelled.
    pub fn spelled(&self) -> &'a str {
        self.words.get(self.at).map_or("", |word| &word.spelled)
    }

    /// Goes past the next word.
    pub fn step(&mut self) {
        self.at += 1;
    }

    /// Goes past the next word if it is one of these.
    pub fn take(&mut self, these: &[&str]) -> bool {
        let taken = these.contains(&self.peek());
        self.at += usize::from(taken);
        taken
    }

    /// Goes past these words if all of them come next.
    pub fn take_all(&mut self, these: &[&str]) -> bool {
        let before = *self;
        let taken = these.iter().all(|each| self.take(&[each]));
        if !taken {
            *self = before;
        }
        taken
    }

    /// Goes past the next word if a reader makes something of it.
    pub fn read<T>(&mut self, reader: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = reader(self.peek())?;
        self.at += 1;
        Some(value)
    }
}

/// Whether the full stop after a word only shortens it, as in "Dec. 1".
fn is_abbreviated(word: &Word) -> bool {
    word.tail == "." && word.text.len() <= 4 && crate::when::month(&word.text).is_some()
}

/// A whole number in digits or in words; "a" is one.
pub fn number(word: &str) -> Option<u32> {
    const NAMES: [&str; 12] = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    if ["a", "an"].contains(&word) {
        return Some(1);
    }
    let named = NAMES.iter().position(|name| *name == word).and_then(|at| u32::try_from(at + 1).ok());
    named.or_else(|| digits(word))
}

/// A whole number in digits only; one that is too large to count is the largest.
pub fn digits(word: &str) -> Option<u32> {
    let all = !word.is_empty() && word.bytes().all(|each| each.is_ascii_digit());
    all.then(|| word.parse().unwrap_or(u32::MAX))
}

/// "1st", "2nd", "15th".
pub fn ordinal(word: &str) -> Option<u32> {
    ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending)).and_then(digits)
}
