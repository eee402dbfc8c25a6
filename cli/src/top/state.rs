//! What is on the screen of `top`, and what its keys do. Pure: nothing here reads or draws.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Orders,
    Workers,
}

/// What is typed, or asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dialog {
    None,
    /// After `g`: where to.
    Go,
    /// The filter as it is typed.
    Filter(String),
    /// Whether to act on an order.
    Confirm {
        verb: &'static str,
        id: String,
    },
    /// The keys.
    Help,
    /// One order.
    Order(Value),
}

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    None,
    Quit,
    /// Read again now.
    Read,
    /// Act on an order.
    Do {
        verb: &'static str,
        id: String,
    },
}

/// Everything that is on the screen.
#[derive(Debug)]
pub(super) struct State {
    page: Page,
    filter: String,
    paused: bool,
    selected: usize,
    pub(super) dialog: Dialog,
    pub(super) counts: Value,
    pub(super) list: Value,
    pub(super) message: String,
}

impl State {
    pub(super) fn new(filter: &str, counts: Value) -> Self {
        Self {
            page: Page::Orders,
            filter: filter.to_owned(),
            paused: false,
            selected: 0,
            dialog: Dialog::None,
            counts,
            list: Value::Null,
            message: String::new(),
        }
    }

    pub(super) fn page(&self) -> Page {
        self.page
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether nothing is to move: it is paused, or somebody is about to act on what is there.
    pub(super) fn is_paused(&self) -> bool {
        self.paused || matches!(self.dialog, Dialog::Confirm { .. } | Dialog::Filter(_))
    }

    pub(super) fn rows(&self) -> &[Value] {
        let member = match self.page {
            Page::Orders => "orders",
            Page::Workers => "workers",
        };
        self.list[member].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn selected(&self) -> usize {
        self.selected.min(self.rows().len().saturating_sub(1))
    }

    /// What was read; the selected order stays selected, wherever it is now.
    pub(super) fn update(&mut self, counts: Value, list: Value) {
        let id = self.rows().get(self.selected()).map(|row| row["id"].clone());
        (self.counts, self.list, self.message) = (counts, list, String::new());
        let place = self.rows().iter().position(|row| Some(&row["id"]) == id.as_ref());
        self.selected = place.unwrap_or_else(|| self.selected());
    }

    pub(super) fn put_message(&mut self, text: String) {
        self.message = text;
    }

    /// Does what a key says. Those that act ask first.
    pub(super) fn press(&mut self, key: KeyEvent) -> Act {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Act::Quit;
        }
        match std::mem::replace(&mut self.dialog, Dialog::None) {
            Dialog::Filter(text) => self.type_filter(text, key.code),
            Dialog::Confirm { verb, id } => match key.code {
                KeyCode::Enter | KeyCode::Char('y') => Act::Do { verb, id },
                _ => Act::None,
            },
            Dialog::Go => match key.code {
                KeyCode::Char('o') => self.go(Page::Orders, "state:open"),
                KeyCode::Char('h') => self.go(Page::Orders, ""),
                KeyCode::Char('d') => self.go(Page::Orders, "state:dead"),
                KeyCode::Char('w') => self.go(Page::Workers, &self.filter.clone()),
                _ => Act::None,
            },
            Dialog::Help | Dialog::Order(_) => Act::None,
            Dialog::None => self.press_in_list(key.code),
        }
    }

    fn press_in_list(&mut self, code: KeyCode) -> Act {
        let row = self.rows().get(self.selected()).filter(|_| self.page == Page::Orders).cloned();
        let id = row.as_ref().and_then(|row| row["id"].as_str()).map(str::to_owned);
        match (code, id) {
            (KeyCode::Char('q') | KeyCode::Esc, _) => return Act::Quit,
            (KeyCode::Char('j') | KeyCode::Down, _) => self.selected = self.selected() + 1,
            (KeyCode::Char('k') | KeyCode::Up, _) => self.selected = self.selected().saturating_sub(1),
            (KeyCode::Char('p'), _) => self.paused = !self.paused,
            (KeyCode::Char('g'), _) => self.dialog = Dialog::Go,
            (KeyCode::Char('?'), _) => self.dialog = Dialog::Help,
            (KeyCode::Char('/'), _) => self.dialog = Dialog::Filter(self.filter.clone()),
            (KeyCode::Char('c'), Some(id)) => self.dialog = Dialog::Confirm { verb: "cancel", id },
            (KeyCode::Char('r'), Some(id)) => self.dialog = Dialog::Confirm { verb: "redrive", id },
            (KeyCode::Enter, Some(_)) => self.dialog = row.map_or(Dialog::None, Dialog::Order),
            _ => {}
        }
        Act::None
    }

    fn type_filter(&mut self, mut text: String, code: KeyCode) -> Act {
        match code {
            KeyCode::Esc => return Act::None,
            KeyCode::Enter => return self.go(Page::Orders, &text),
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Char(c) => text.push(c),
            _ => {}
        }
        self.dialog = Dialog::Filter(text);
        Act::None
    }

    fn go(&mut self, page: Page, filter: &str) -> Act {
        (self.page, self.filter, self.selected, self.list) = (page, filter.to_owned(), 0, Value::Null);
        Act::Read
    }

    pub(super) fn is_on_hold(&self) -> bool {
        self.paused
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn press(state: &mut State, code: KeyCode) -> Act {
        state.press(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn listed() -> State {
        let mut state = State::new("state:open", json!({}));
        state.update(json!({}), json!({"orders": [{"id": "a"}, {"id": "b"}]}));
        state
    }

    #[test]
    fn no_key_acts_by_itself() {
        let mut state = listed();
        assert_eq!(press(&mut state, KeyCode::Char('j')), Act::None);
        assert_eq!(press(&mut state, KeyCode::Char('r')), Act::None);
        assert!(state.is_paused(), "what is asked about does not move");
        assert_eq!(press(&mut state, KeyCode::Esc), Act::None);
        press(&mut state, KeyCode::Char('c'));
        assert_eq!(press(&mut state, KeyCode::Enter), Act::Do { verb: "cancel", id: "b".to_owned() });
    }

    #[test]
    fn the_selected_order_stays_selected_when_others_come() {
        let mut state = listed();
        press(&mut state, KeyCode::Char('j'));
        state.update(json!({}), json!({"orders": [{"id": "c"}, {"id": "a"}, {"id": "b"}]}));
        assert_eq!(state.rows()[state.selected()]["id"], "b");
    }

    #[test]
    fn pages_and_filters_have_their_keys() {
        let mut state = listed();
        press(&mut state, KeyCode::Char('g'));
        assert_eq!((press(&mut state, KeyCode::Char('d')), state.filter()), (Act::Read, "state:dead"));
        press(&mut state, KeyCode::Char('/'));
        press(&mut state, KeyCode::Char('!'));
        press(&mut state, KeyCode::Backspace);
        press(&mut state, KeyCode::Char(' '));
        assert_eq!((press(&mut state, KeyCode::Enter), state.filter()), (Act::Read, "state:dead "));
        press(&mut state, KeyCode::Char('g'));
        press(&mut state, KeyCode::Char('w'));
        assert_eq!((state.page(), press(&mut state, KeyCode::Char('q'))), (Page::Workers, Act::Quit));
    }
}
