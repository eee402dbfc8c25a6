//! Where a secret is in AWS: a parameter of SSM, or a secret of Secrets Manager, by its ARN.

/// The service that keeps a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretService {
    /// Parameters of Systems Manager.
    Ssm,
    /// Secrets Manager.
    SecretsManager,
}

/// The ARN of a secret, as ECS takes it: behind that of a secret of Secrets Manager there may be a
/// member of its JSON, a stage and a version (`arn:…:secret:name:member:stage:version`).
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretArn {
    /// The service.
    pub service: SecretService,
    /// Its region, which the request is signed for.
    pub region: String,
    /// The ARN of the parameter or secret alone.
    pub id: String,
    /// The member of the secret's JSON whose text is the value.
    pub member: Option<String>,
    /// The stage of the secret's version, such as `AWSPREVIOUS`.
    pub stage: Option<String>,
    /// The id of the secret's version.
    pub version: Option<String>,
}

impl SecretArn {
    /// Reads an ARN.
    ///
    /// # Errors
    /// The end of a sentence that begins with `OFFLOAD_…_ARN is "…", which`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "is not the ARN of a parameter of SSM or of a secret of Secrets Manager".to_owned();
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, service, region, account, rest @ ..] = parts.as_slice() else { return Err(wrong()) };
        if [partition, region, account].iter().any(|part| part.is_empty()) {
            return Err(wrong());
        }
        let more = |n: usize| rest.get(n).filter(|part| !part.is_empty()).map(|part| (*part).to_owned());
        let (service, own, parts_max) = match (*service, rest) {
            // A parameter may have its version or a label behind it, which SSM understands.
            ("ssm", [name, ..]) if name.len() > "parameter/".len() && name.starts_with("parameter/") => {
                (SecretService::Ssm, rest.len(), 2)
            }
            ("secretsmanager", ["secret", name, ..]) if !name.is_empty() => (SecretService::SecretsManager, 2, 5),
            _ => return Err(wrong()),
        };
        if rest.len() > parts_max {
            return Err(wrong());
        }
        let of_secret = |n: usize| if service == SecretService::SecretsManager { more(n) } else { None };
        Ok(Self {
            service,
            region: (*region).to_owned(),
            id: parts[..5 + own].join(":"),
            member: of_secret(2),
            stage: of_secret(3),
            version: of_secret(4),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_who_keeps_the_secret_and_what_of_it_is_meant() {
        let ssm = "arn:aws:ssm:eu-west-1:123456789012:parameter/offload/token-secret/2";
        let read = SecretArn::parse(ssm).unwrap();
        assert_eq!((read.service, read.region.as_str(), read.id.as_str()), (SecretService::Ssm, "eu-west-1", ssm));
        let labelled = format!("{ssm}:3");
        assert_eq!(SecretArn::parse(&labelled).unwrap().id, labelled);

        let secret = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:keys/offload-AbCdEf";
        let read = SecretArn::parse(secret).unwrap();
        assert_eq!((read.id.as_str(), read.member), (secret, None));
        let read = SecretArn::parse(&format!("{secret}:token::")).unwrap();
        assert_eq!((read.id.as_str(), read.member.as_deref(), read.stage), (secret, Some("token"), None));
        let read = SecretArn::parse(&format!("{secret}::AWSPREVIOUS:")).unwrap();
        assert_eq!((read.member, read.stage.as_deref(), read.version), (None, Some("AWSPREVIOUS"), None));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "secret",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/",
            "arn:aws:ssm:eu-west-1:123456789012:document/offload",
            "arn:aws:ssm::123456789012:parameter/offload",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a:b:c:d:e",
            "arn:aws:s3:::bucket",
        ] {
            assert!(SecretArn::parse(text).unwrap_err().contains("is not the ARN"), "{text}");
        }
    }
}
