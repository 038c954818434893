//! Mail and text messages by the real bindings, accepted and refused.

use crate::support::{Folder, http, options, port, sidecar, start};

#[tokio::test]
async fn mail_and_text_messages_arrive_and_can_be_refused() {
    let folder = Folder::new();
    let stack = start(options(&folder, &["notifications"])).await;
    let notifications = stack.instance("notifications", 0).unwrap();
    let mail = r#"{"operation":"create","metadata":{"emailTo":"ann@example.com","subject":"Submit report"},"data":"<p>Due soon</p>\n.dot"}"#;
    stack.smtp_refuse(2);
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(sidecar(notifications, "POST", "/v1.0/bindings/email", mail).await.unwrap().0);
    }
    assert_eq!(statuses, [500, 500, 204]);
    let mails = stack.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["ann@example.com"]);
    assert!(mails[0].content.contains("Subject: Submit report") && mails[0].content.contains("Due soon"), "{}", mails[0].content);
    let (_, page) = http(port(&stack.inbox_url()), "GET", "/", &[], "").await.unwrap();
    assert!(page.contains("Submit report") && page.contains("ann@example.com"), "{page}");

    let sms_to_ann =
        r#"{"operation":"create","metadata":{"toNumber":"+15550123","To":"+15550123"},"data":"Submit report is due"}"#;
    stack.sms_refuse(1, 503);
    assert_eq!(sidecar(notifications, "POST", "/v1.0/bindings/sms", sms_to_ann).await.unwrap().0, 500);
    let (status, body) = sidecar(notifications, "POST", "/v1.0/bindings/sms", sms_to_ann).await.unwrap();
    assert!(status < 300, "{status} {body}");
    let sms = stack.sms();
    assert_eq!(sms.len(), 1);
    assert!(sms[0].body.contains("Submit report is due"), "{sms:?}");
    assert!(sms[0].headers.iter().any(|(_, value)| value == "+15550123"), "{sms:?}");

    // One who refuses keeps nobody else from being served.
    stack.smtp_refuse_to("ann@example.com", 2, "550 5.1.1 no such mailbox");
    stack.sms_refuse_to("+15550123", 1, 400);
    let mut statuses = Vec::new();
    for body in [mail.to_owned(), mail.replace("ann@", "bob@")] {
        statuses.push(sidecar(notifications, "POST", "/v1.0/bindings/email", &body).await.unwrap().0);
    }
    for body in [sms_to_ann.to_owned(), sms_to_ann.replace("0123", "0124"), sms_to_ann.to_owned()] {
        statuses.push(sidecar(notifications, "POST", "/v1.0/bindings/sms", &body).await.unwrap().0 / 100);
    }
    assert_eq!(statuses, [500, 204, 5, 2, 2]);
    assert_eq!((stack.refusals_left("ann@example.com"), stack.refusals_left("+15550123")), (1, 0));
    assert_eq!((stack.mails().len(), stack.sms().len()), (2, 3));
    stack.shutdown().await.unwrap();
}
