using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>Secrets that were just made: in clear text, to be shown once, and as they are kept.</summary>
internal sealed class NewSecrets(RelayId id, SecretBox secrets)
{
    public ApiKey ApiKey { get; } = ApiKey.New();

    public SigningSecret SigningSecret { get; } = SigningSecret.New();

    public byte[] KeyHash => ApiKey.Hash();

    public string SealApiKey() => secrets.Seal(ApiKey.Reveal(), AgentDirectory.ApiKeyPurpose(id));

    public string SealSigningSecret() => secrets.Seal(SigningSecret.Reveal(), AgentDirectory.SigningSecretPurpose(id));
}
