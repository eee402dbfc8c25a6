//! How policies are written.

use offload_tests::terraform::{folder, module};

#[test]
fn no_policy_is_a_data_source() {
    for name in ["api", "observability", "order_table", "push", "queue", "status_store", "worker"] {
        let data = module(name).into_blocks().filter(|b| b.identifier() == "data").collect::<Vec<_>>();
        let policies = data.iter().filter(|b| b.labels().iter().any(|l| l.as_str() == "aws_iam_policy_document"));
        assert_eq!(
            policies.count(),
            0,
            "{name}: it is read anew, and the policy rewritten, with each change beside it"
        );
    }
}

#[test]
fn no_arn_names_the_partition() {
    for name in ["", "modules/api", "modules/push", "modules/worker", "modules/status_store", "modules/queue"] {
        let text = hcl::format::to_string(&folder(name)).unwrap();
        let literal = text.lines().find(|line| line.contains("\"arn:aws:"));
        assert_eq!(literal, None, "{name}: China and GovCloud have partitions of their own");
    }
}
