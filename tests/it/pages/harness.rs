//! The harness is not blind: what no page may do is noted when one does it.

use anyhow::{Result, ensure};
use tests::Suite;
use tests::page::{PATIENCE, Setup, browse};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_what_no_page_may_do_is_noted() -> Result<()> {
    let suite = Suite::shared().await?;
    browse(&suite, "harness", Setup::default(), async |browser| {
        browser.goto("/app/sign-in").await?;
        ensure!(browser.complaints().await?.is_empty(), "nothing yet");
        let wrong = "console.error('said aloud'); document.body.setAttribute('style', 'color: red');
            const image = new Image(); image.src = 'http://other.invalid/a.png'; document.body.append(image);
            fetch('http://other.invalid/b').catch(() => (window.refused = true)); setTimeout(() => { throw new Error('thrown') })";
        browser.js::<Option<bool>>(wrong, ()).await?;
        browser.until("the policy refused it", PATIENCE, "window.refused === true", ()).await?;
        let mut noted = String::new();
        tests::eventually("everything is noted", PATIENCE, async || {
            noted.push_str(&browser.complaints().await?.join("\n"));
            let wanted = ["said aloud", "style-src", "img-src", "connect-src", "thrown"];
            let missing: Vec<&str> = wanted.into_iter().filter(|word| !noted.contains(word)).collect();
            ensure!(missing.is_empty(), "{missing:?} not in\n{noted}");
            Ok(Some(()))
        })
        .await?;
        // A page that leads elsewhere asks another host, whatever its policy.
        browser.js::<Option<bool>>("location.href = 'http://127.0.0.1:9/elsewhere'; return null", ()).await?;
        tests::eventually("the other host is noted", PATIENCE, async || {
            let noted = browser.complaints().await?.join("\n");
            Ok(noted.contains("asked from another host: http://127.0.0.1:9/elsewhere").then_some(()))
        })
        .await?;
        browser.forgives("127.0.0.1:9");
        browser.forgives("ERR_");
        Ok(())
    })
    .await
}
