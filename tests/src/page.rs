//! Pages in a real Chromium: verbs of a person in front of it, and what the browser noted meanwhile.

mod account;
mod driver;
mod notes;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::common::capabilities::chrome::ChromeCapabilities;
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::{By, ChromiumLikeCapabilities, WebDriver, WebElement};

use crate::eventually;
use crate::suite::Suite;

pub use account::{Account, PASSWORD};
use notes::Notes;

/// How long a page may take to show what it should; two processors may have other things to do.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// No page of ours uses more than these, and nothing of the browser's own shall reach for the network.
const FLAGS: [&str; 12] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--lang=en-US",
    "--window-size=1280,900",
];
/// What no console message names by itself: the violated directive and what it stopped.
const REPORT: &str = "addEventListener('securitypolicyviolation', (event) => console.error(`content security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));";
/// Tells whether a link, button or field is where a person could use it.
const SHOWN: &str = "const shown = (e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0;";

static OPENED: AtomicUsize = AtomicUsize::new(0);

/// How a browser is set up before its first page.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Pages get no script.
    pub without_script: bool,
    /// The zone of the machine, as `Europe/Berlin`; that of this one unless said.
    pub zone: Option<&'static str>,
}

/// One window of one browser, with cookies of its own.
pub struct Browser {
    driver: WebDriver,
    origin: String,
    profile: PathBuf,
    notes: Notes,
}

/// Runs `tell` with a browser and closes it however that went. On a failure a screenshot and the page are left in the run directory.
///
/// # Errors
/// What `tell` says, or what the browser noted against the pages.
pub async fn browse(suite: &Suite, name: &str, setup: Setup, tell: impl AsyncFnOnce(&Browser) -> Result<()>) -> Result<()> {
    let browser = Browser::open(suite, name, setup).await?;
    let told = std::panic::AssertUnwindSafe(tell(&browser)).catch_unwind().await;
    let told = match told {
        Ok(Ok(())) => browser
            .complaints()
            .await
            .and_then(|complaints| if complaints.is_empty() { Ok(()) } else { bail!("{}", complaints.join("\n")) }),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(anyhow::anyhow!("the story panicked")),
    };
    let told = match told {
        Ok(()) => Ok(()),
        Err(error) => Err(match browser.keep(suite.stack().run_dir(), name).await {
            Ok(place) => error.context(format!("the page as it was: {}", place.display())),
            Err(kept) => error.context(format!("the page could not be kept: {kept:#}")),
        }),
    };
    let closed = browser.close().await;
    told.and(closed)
}

impl Browser {
    /// Opens one.
    ///
    /// # Errors
    /// When Chromium or its driver does not start.
    pub async fn open(suite: &Suite, name: &str, setup: Setup) -> Result<Self> {
        let server = driver::address(suite.stack().run_dir()).await?;
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        let profile = suite.stack().run_dir().join(format!("browsers/{name}-{number}"));
        let mut wanted = ChromeCapabilities::new();
        wanted.set_binary(driver::CHROMIUM)?;
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        wanted.add_arg(&format!("--user-data-dir={}", profile.display()))?;
        if setup.without_script {
            wanted.add_experimental_option("prefs", json!({ "profile.managed_default_content_settings.javascript": 2 }))?;
        }
        wanted.set_logging_prefs("browser", LoggingPrefsLogLevel::All)?;
        wanted.set_logging_prefs("performance", LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(&server, wanted).await.context("Chromium does not start")?;
        let browser = Self { driver, origin: suite.stack().front_url(), profile, notes: Notes::default() };
        browser.on_every_page(REPORT).await?;
        if let Some(zone) = setup.zone {
            browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": zone })).await?;
        }
        Ok(browser)
    }

    /// Ends it and forgets its profile.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn close(self) -> Result<()> {
        self.driver.quit().await?;
        // Chromium may still be writing; what stays is removed with the run directory.
        drop(std::fs::remove_dir_all(&self.profile));
        Ok(())
    }

    /// The driver, for what has no verb here.
    pub fn driver(&self) -> &WebDriver {
        &self.driver
    }

    /// Goes to a path of the suite and waits until it is loaded.
    ///
    /// # Errors
    /// When it does not load.
    pub async fn goto(&self, path: &str) -> Result<()> {
        self.driver.goto(format!("{}{path}", self.origin)).await.with_context(|| path.to_owned())
    }

    /// Path and query of the page.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn path(&self) -> Result<String> {
        let url = self.driver.current_url().await?;
        Ok(match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// Waits until the page's path and query are these.
    ///
    /// # Errors
    /// When they do not become so.
    pub async fn arrives(&self, path: &str) -> Result<()> {
        eventually(&format!("the page is {path}"), PATIENCE, async || {
            let here = self.path().await?;
            anyhow::ensure!(here == path, "it is {here}");
            let ready: String = self.js("return document.readyState", ()).await?;
            Ok((ready == "complete").then_some(()))
        })
        .await
    }

    /// Runs script in the page, as the body of a function with `arguments`, and gives what it returns.
    ///
    /// # Errors
    /// When it throws, or returns something else.
    pub async fn js<T: DeserializeOwned>(&self, script: &str, arguments: impl Serialize) -> Result<T> {
        let arguments = match serde_json::to_value(arguments)? {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            value => vec![value],
        };
        let returned = self.driver.execute(script, arguments).await.with_context(|| script.to_owned())?;
        Ok(serde_json::from_value(returned.json().clone())?)
    }

    /// A command of the devtools protocol.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.driver.cdp().send_raw(command, parameters).await.with_context(|| command.to_owned())
    }

    /// Script that runs in every page from now on, before its own.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn on_every_page(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await.map(drop)
    }

    /// Waits until an expression of script is true; the failure names `what`.
    ///
    /// # Errors
    /// When it does not become true.
    pub async fn until(&self, what: &str, patience: Duration, expression: &str, arguments: impl Serialize + Clone) -> Result<()> {
        let script = format!("{SHOWN} return {expression}");
        eventually(what, patience, async || Ok(self.js::<bool>(&script, arguments.clone()).await?.then_some(()))).await
    }

    /// Waits until something that fits the selector is shown.
    ///
    /// # Errors
    /// When nothing is.
    pub async fn sees(&self, selector: &str) -> Result<()> {
        let expression = "[...document.querySelectorAll(arguments[0])].some(shown)";
        self.until(&format!("{selector} is shown"), PATIENCE, expression, [selector]).await
    }

    /// Waits until nothing that fits the selector is shown.
    ///
    /// # Errors
    /// When something stays.
    pub async fn sees_no(&self, selector: &str) -> Result<()> {
        let expression = "![...document.querySelectorAll(arguments[0])].some(shown)";
        self.until(&format!("{selector} is not shown"), PATIENCE, expression, [selector]).await
    }

    /// Waits until what fits the selector says `text` somewhere.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reads(&self, selector: &str, text: &str) -> Result<()> {
        eventually(&format!("{selector} says {text:?}"), PATIENCE, async || {
            let said = self.texts(selector).await?;
            anyhow::ensure!(said.iter().any(|said| said.contains(text)), "it says {said:?}");
            Ok(Some(()))
        })
        .await
    }

    /// The shown text of everything that fits.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn texts(&self, selector: &str) -> Result<Vec<String>> {
        let script =
            format!("{SHOWN} return [...document.querySelectorAll(arguments[0])].filter(shown).map((e) => e.innerText.trim())");
        self.js(&script, [selector]).await
    }

    /// What a field holds.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn value(&self, selector: &str) -> Result<String> {
        self.js("return document.querySelector(arguments[0]).value", [selector]).await
    }

    /// Clicks what fits, once it is there and nothing lies over it.
    ///
    /// # Errors
    /// When it cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<()> {
        // What lies under the frame of the page counts as seen, so the driver would not scroll to it as a person does.
        let centre = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.does(&format!("{selector} is clicked"), selector, async |element| {
            if !matches!(element.tag_name().await?.as_str(), "option") {
                self.driver.execute(centre, vec![element.to_json()?]).await?;
            }
            element.click().await
        })
        .await
    }

    /// Types into what fits, after what stands there.
    ///
    /// # Errors
    /// When it cannot be typed into.
    pub async fn types(&self, selector: &str, text: &str) -> Result<()> {
        self.does(&format!("{selector} is typed into"), selector, async |element| element.send_keys(text).await).await
    }

    /// Types into what fits, instead of what stands there.
    ///
    /// # Errors
    /// When it cannot be typed into.
    pub async fn fills(&self, selector: &str, text: &str) -> Result<()> {
        self.does(&format!("{selector} is emptied"), selector, async |element| element.clear().await).await?;
        self.types(selector, text).await
    }

    /// Chooses from a selector by the value of the choice.
    ///
    /// # Errors
    /// When there is no such choice.
    pub async fn chooses(&self, selector: &str, value: &str) -> Result<()> {
        self.click(&format!("{selector} option[value='{value}']")).await
    }

    /// Sets a date and time as the picker does: as `2026-03-01T14:00`, with the events of a person's choice.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn picks(&self, selector: &str, local: &str) -> Result<()> {
        let script = "const e = document.querySelector(arguments[0]); e.value = arguments[1];
                      for (const kind of ['input', 'change']) e.dispatchEvent(new Event(kind, { bubbles: true })); return e.value";
        let taken: String = self.js(script, [selector, local]).await?;
        anyhow::ensure!(taken == local, "{selector} took {taken:?} for {local:?}");
        Ok(())
    }

    /// Types names between commas instead of those that a field of tags holds, with or without script.
    ///
    /// # Errors
    /// When it cannot be typed into.
    pub async fn tags(&self, selector: &str, names: &str) -> Result<()> {
        let drop = "for (const each of document.querySelector(arguments[0]).closest('.pills')?.querySelectorAll('.tag') ?? []) each.click()";
        self.js::<Option<bool>>(drop, [selector]).await?;
        self.fills(selector, names).await
    }

    /// Presses keys, one after the other, wherever the focus is.
    ///
    /// # Errors
    /// When the browser does not take them.
    pub async fn presses(&self, keys: impl Into<thirtyfour::TypingData>) -> Result<()> {
        self.driver.action_chain().send_keys(keys).perform().await?;
        Ok(())
    }

    /// The element that has the focus, as `a#open-1`; `body` when none has.
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn focus(&self) -> Result<String> {
        self.js("const e = document.activeElement; return e.localName + (e.id && '#' + e.id)", ()).await
    }

    /// Width and height of the window in CSS pixels, as a phone's when it is narrow.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn measures(&self, width: u32, height: u32) -> Result<()> {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await.map(drop)
    }

    /// `light` or `dark`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn wears(&self, scheme: &str) -> Result<()> {
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": scheme }, { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.devtools("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// The page as a picture.
    ///
    /// # Errors
    /// When there is none.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        Ok(self.driver.screenshot_as_png().await?)
    }

    /// What the browser noted against the pages since the last time, but for what was [forgiven](Self::forgives).
    ///
    /// # Errors
    /// When the browser does not say.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        self.notes.read(&self.driver, &self.origin).await
    }

    /// From here on a message that holds `text` is no complaint: the story provokes it.
    pub fn forgives(&self, text: &str) {
        self.notes.forgive(text);
    }

    /// Tries until it could be done: the page may put another element in the place of one at any time.
    async fn does(
        &self,
        what: &str,
        selector: &str,
        act: impl AsyncFn(WebElement) -> thirtyfour::error::WebDriverResult<()>,
    ) -> Result<()> {
        eventually(what, PATIENCE, async || {
            act(self.driver.find(By::Css(selector)).await?).await?;
            Ok(Some(()))
        })
        .await
    }

    async fn keep(&self, run_dir: &Path, name: &str) -> Result<PathBuf> {
        let folder = run_dir.join("pages");
        std::fs::create_dir_all(&folder)?;
        let place = folder.join(format!("{name}.png"));
        std::fs::write(&place, self.picture().await?)?;
        std::fs::write(place.with_extension("html"), self.driver.source().await?)?;
        std::fs::write(place.with_extension("log"), self.complaints().await?.join("\n"))?;
        Ok(place)
    }
}
