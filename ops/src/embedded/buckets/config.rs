//! A bucket's settings: kept as they were put, and read where one has an effect here.

use http::{Method, StatusCode};

use super::S3Error;

/// A setting that can be put and read back, by the query parameter that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Setting {
    Versioning,
    Replication,
    Encryption,
    Lifecycle,
    PublicAccessBlock,
    Policy,
    OwnershipControls,
    Tagging,
    Logging,
    Notification,
    Acl,
}

impl Setting {
    const NAMED: [(&'static str, Self); 11] = [
        ("versioning", Self::Versioning),
        ("replication", Self::Replication),
        ("encryption", Self::Encryption),
        ("lifecycle", Self::Lifecycle),
        ("publicAccessBlock", Self::PublicAccessBlock),
        ("policy", Self::Policy),
        ("ownershipControls", Self::OwnershipControls),
        ("tagging", Self::Tagging),
        ("logging", Self::Logging),
        ("notification", Self::Notification),
        ("acl", Self::Acl),
    ];

    pub(super) fn asked(query: &[(String, String)]) -> Option<Self> {
        Self::NAMED
            .into_iter()
            .find(|(name, _)| query.iter().any(|(field, _)| field == name))
            .map(|(_, setting)| setting)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Policy => "application/json",
            Self::Versioning
            | Self::Replication
            | Self::Encryption
            | Self::Lifecycle
            | Self::PublicAccessBlock
            | Self::OwnershipControls
            | Self::Tagging
            | Self::Logging
            | Self::Notification
            | Self::Acl => "application/xml",
        }
    }

    /// What S3 answers when the setting was never put: an empty document, or that there is none.
    pub(super) fn absent(self) -> Result<&'static str, S3Error> {
        let none = |code, message| Err(S3Error { status: StatusCode::NOT_FOUND, code, message });
        match self {
            Self::Versioning => {
                Ok("<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>")
            }
            Self::Logging => Ok("<BucketLoggingStatus xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>"),
            Self::Notification => {
                Ok("<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>")
            }
            Self::Acl => Ok("<AccessControlPolicy><Owner><ID>embedded</ID></Owner><AccessControlList>\
                 <Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
                 <ID>embedded</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>\
                 </AccessControlPolicy>"),
            Self::Replication => {
                none("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
            }
            Self::Encryption => none(
                "ServerSideEncryptionConfigurationNotFoundError",
                "The server side encryption configuration was not found",
            ),
            Self::Lifecycle => {
                none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")
            }
            Self::PublicAccessBlock => none(
                "NoSuchPublicAccessBlockConfiguration",
                "The public access block configuration was not found",
            ),
            Self::Policy => none("NoSuchBucketPolicy", "The bucket policy does not exist"),
            Self::OwnershipControls => {
                none("OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
            }
            Self::Tagging => none("NoSuchTagSet", "The TagSet does not exist"),
        }
    }

    /// The status that tells a setting was taken.
    pub(super) fn taken(self, method: &Method) -> StatusCode {
        if *method == Method::DELETE || self == Self::Policy {
            StatusCode::NO_CONTENT
        } else {
            StatusCode::OK
        }
    }
}

/// What of a replication configuration has an effect here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Replication {
    /// The name of the bucket that gets the copies.
    pub destination: Option<String>,
    /// Whether deletions travel too.
    pub delete_markers: bool,
}

impl Replication {
    /// Reads the first enabled rule.
    pub(super) fn parse(xml: &str) -> Self {
        let enabled = |rule: &&str| {
            // Deletions have a status of their own inside the rule: take that out before looking for the rule's.
            let own = match (rule.find("<DeleteMarkerReplication>"), rule.find("</DeleteMarkerReplication>"))
            {
                (Some(start), Some(end)) if start < end => format!("{}{}", &rule[..start], &rule[end..]),
                _ => (*rule).to_owned(),
            };
            element(&own, "SourceSelectionCriteria")
                .map_or(own.clone(), |criteria| own.replace(criteria, ""))
                .contains("<Status>Enabled</Status>")
        };
        let rule = xml.split("<Rule>").skip(1).find(enabled);
        let destination = rule
            .and_then(|rule| element(rule, "Destination"))
            .and_then(|destination| element(destination, "Bucket"))
            .map(|arn| arn.trim().trim_start_matches("arn:aws:s3:::").to_owned());
        let delete_markers = rule
            .and_then(|rule| element(rule, "DeleteMarkerReplication"))
            .is_some_and(|markers| element(markers, "Status") == Some("Enabled"));
        Self { destination, delete_markers }
    }
}

/// The text inside the first element of a name, when it has no attributes.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "<ReplicationConfiguration><Role>r</Role><Rule><ID>x</ID><Priority>1</Priority><Filter></Filter>\
        <Status>Enabled</Status><SourceSelectionCriteria><ReplicaModifications><Status>Enabled</Status>\
        </ReplicaModifications></SourceSelectionCriteria><DeleteMarkerReplication><Status>Enabled</Status>\
        </DeleteMarkerReplication><Destination><Bucket>arn:aws:s3:::other</Bucket></Destination></Rule>\
        </ReplicationConfiguration>";

    #[test]
    fn the_destination_is_read_from_an_enabled_rule() {
        let read = Replication::parse(RULE);
        assert_eq!(read, Replication { destination: Some("other".to_owned()), delete_markers: true });
    }

    #[test]
    fn a_disabled_rule_replicates_nothing() {
        let disabled = RULE.replacen("<Status>Enabled", "<Status>Disabled", 1);
        assert_eq!(Replication::parse(&disabled), Replication::default());
    }
}
