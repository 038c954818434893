//! Files of other programs: each thing becomes a task once, nothing is dropped without a word, and what was taken can be taken along.

use anyhow::{Context, Result, ensure};
use chrono::Timelike;
use contracts::task::Task;
use http::Method;
use serde_json::Value;
use tests::database::Database;
use tests::{Person, story};

const TASKWARRIOR: &str = include_str!("../../../apps/tasks/fixtures/taskwarrior-2.6.2.json");
const CALCURSE: &str = include_str!("../../../apps/tasks/fixtures/calcurse-4.7.1.ics");
const TODOIST: &str = include_str!("../../../apps/tasks/fixtures/todoist.csv");

async fn import(person: &Person, query: &str, file: &str) -> Result<Value> {
    let path = format!("/tasks/import?{query}");
    Ok(person.send(Method::POST, &path, &[], Some(file.as_bytes().to_vec())).await?.is(200)?.json())
}

fn counts(answer: &Value) -> [i64; 3] {
    ["created", "exists", "skipped"].map(|field| answer[field].as_i64().unwrap_or(-1))
}

async fn export(person: &Person, format: &str) -> Result<String> {
    Ok(person.get(&format!("/tasks/export?format={format}")).await?.is(200)?.body.clone())
}

#[tokio::test]
async fn flow_a_file_becomes_tasks_once_however_often_it_comes() -> Result<()> {
    story(async |suite, person| {
        let dry = import(&person, "format=taskwarrior&dry_run=true", TASKWARRIOR).await?;
        ensure!(dry["dry_run"] == true && counts(&dry) == [7, 0, 3], "{dry:#}");
        ensure!(person.list("").await?.total == 0, "a dry run writes nothing");

        // Twice at once, and once more: each thing has one task, which both name.
        let (one, other) = tokio::try_join!(
            import(&person, "format=taskwarrior", TASKWARRIOR),
            import(&person, "format=taskwarrior&dry_run=false", TASKWARRIOR)
        )?;
        let ids = |answer: &Value| answer["items"].as_array().into_iter().flatten().map(|item| item["task_id"].clone()).collect::<Vec<_>>();
        ensure!(ids(&one) == ids(&other), "{one:#}\n{other:#}");
        ensure!(counts(&one)[0] + counts(&other)[0] == 7, "{one:#}\n{other:#}");
        let again = import(&person, "format=taskwarrior", TASKWARRIOR).await?;
        ensure!(counts(&again) == [0, 7, 3] && ids(&again) == ids(&one), "{again:#}");
        let page = person.list("").await?;
        ensure!(page.total == 7, "{page:#?}");
        let rent = page.items.iter().find(|task| task.title == "Pay the rent").context("the rent")?;
        ensure!(rent.tags == ["home", "Home.Garden", "rent"], "{rent:#?}");
        let water = page.items.iter().find(|task| task.title == "Water the plants").context("the plants")?;
        ensure!(water.series_id == Some(water.id) && water.recurrence_pattern.is_some(), "{water:#?}");

        // What was deleted is not taken again behind its owner's back.
        person.delete(&format!("/tasks/{}", rent.id)).await?.is(204)?;
        ensure!(counts(&import(&person, "format=taskwarrior", TASKWARRIOR).await?) == [0, 7, 3], "it exists until it is gone for good");

        let database = Database::of(&suite).await?;
        let made = "select count(*) from tasks.outbox_events where event_type = 'task.created' and payload -> 'metadata' ->> 'user_id' = $1";
        ensure!(database.count(made, &[&person.user_id.to_string()]).await? == 7, "each task is told of once");
        let another = suite.person()?;
        ensure!(counts(&import(&another, "format=taskwarrior", TASKWARRIOR).await?) == [7, 0, 3], "another person's file is theirs");
        suite.settled(&[another.tenant_id]).await
    })
    .await
}

#[tokio::test]
async fn flow_what_is_not_taken_is_named_with_its_reason() -> Result<()> {
    story(async |_, person| {
        let calendar = import(&person, "format=ics", CALCURSE).await?;
        ensure!(counts(&calendar) == [8, 0, 0], "{calendar:#}");
        ensure!(calendar.to_string().contains("no pattern says FREQ=MONTHLY"), "{calendar:#}");
        let project = import(&person, "format=todoist", TODOIST).await?;
        ensure!(counts(&project) == [6, 0, 2], "{project:#}");
        ensure!(project["items"][0]["reason"] == "It is a section; the tasks in it are taken.", "{project:#}");
        ensure!(counts(&import(&person, "format=todoist", TODOIST).await?) == [0, 6, 2], "the same rows are the same tasks");
        // A tag keeps the spelling of its owner's first.
        person.post("/tags", &serde_json::json!({ "name": "ERRANDS" })).await?.is(201)?;
        import(&person, "format=todoist", "TYPE,CONTENT\ntask,Buy milk @errands\ntask,Post letter @Errands\n").await?;
        let tagged = person.list("?tags=errands").await?;
        ensure!(tagged.total == 2 && tagged.items.iter().all(|task| task.tags == ["ERRANDS"]), "{tagged:#?}");

        for (query, file, field) in [
            ("", CALCURSE, "format"),
            ("format=csv", TODOIST, "format"),
            ("format=json", "[]", "format"),
            ("format=ics&dry_run=maybe", CALCURSE, "dry_run"),
            ("format=ics&colour=red", CALCURSE, "colour"),
            ("format=ics", TODOIST, "body"),
            ("format=taskwarrior", "[1]", "body"),
            ("format=ics", &CALCURSE[..CALCURSE.len() - 20], "body"),
        ] {
            let answer =
                person.send(Method::POST, &format!("/tasks/import?{query}"), &[], Some(file.as_bytes().to_vec())).await?;
            let problem = answer.is(422)?.json();
            ensure!(problem["errors"][0]["field"] == field, "{query}: {problem}");
        }
        let broken = person.send(Method::POST, "/tasks/import?format=ics", &[], Some(vec![0xff, 0xfe])).await?;
        ensure!(broken.is(422)?.json()["errors"][0]["field"] == "body", "{}", broken.body);
        let long = vec![b'a'; 1024 * 1024 + 1];
        person.send(Method::POST, "/tasks/import?format=ics", &[], Some(long)).await?.is(413)?;
        let many = "{\"description\":\"x\"}\n".repeat(1001);
        person.send(Method::POST, "/tasks/import?format=taskwarrior", &[], Some(many.into_bytes())).await?.is(422)?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn flow_what_was_taken_can_be_taken_along() -> Result<()> {
    story(async |suite, person| {
        // More than one statement holds.
        let many: String =
            (0..250).map(|number| format!("{{\"description\":\"Task {number}\",\"tags\":[\"many\"]}}\n")).collect();
        ensure!(counts(&import(&person, "format=taskwarrior", &many).await?) == [250, 0, 0], "all of them");
        import(&person, "format=ics", CALCURSE).await?;
        import(&person, "format=taskwarrior", TASKWARRIOR).await?;
        let own = bare(&export(&person, "json").await?)?;
        ensure!(own.len() == 265, "{}", own.len());

        for format in ["ics", "taskwarrior"] {
            let file = export(&person, format).await?;
            ensure!(
                counts(&import(&person, &format!("format={format}"), &file).await?) == [0, 265, 0],
                "{format}: they are here already"
            );
            let elsewhere = suite.person()?;
            ensure!(counts(&import(&elsewhere, &format!("format={format}"), &file).await?) == [265, 0, 0], "{format}");
            let theirs = bare(&export(&elsewhere, "json").await?)?;
            ensure!(theirs == own, "{format}: {:#?}", theirs.iter().zip(&own).find(|(one, other)| one != other));
            suite.settled(&[elsewhere.tenant_id]).await?;
        }
        let project = export(&person, "todoist").await?;
        ensure!(project.lines().count() > 250 && project.contains("every week on tue, fri at 18:00"), "{project}");
        let answer = person.get("/tasks/export?format=ics").await?;
        ensure!(answer.header("content-type").starts_with("text/calendar"), "{:?}", answer.headers);
        ensure!(answer.header("content-disposition") == "attachment; filename=\"tasks.ics\"", "{:?}", answer.headers);
        person.get("/tasks/export?format=pdf").await?.is(422)?;
        Ok(())
    })
    .await
}

/// The tasks of an export without what is the server's, by title.
fn bare(file: &str) -> Result<Vec<Task>> {
    let mut tasks: Vec<Task> = serde_json::from_str(file)?;
    for task in &mut tasks {
        (task.id, task.user_id, task.tenant_id, task.series_id) = Default::default();
        (task.created_at, task.updated_at) = Default::default();
        // Files know seconds.
        task.completed_at = task.completed_at.and_then(|at| at.with_nanosecond(0));
    }
    tasks.sort_by(|one, other| one.title.cmp(&other.title));
    Ok(tasks)
}
