using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>What an agent is known by and its deliveries are signed with: its keys and, for a while after a rotation, those before. Any thread.</summary>
internal sealed class AgentKeys
{
    private readonly byte[] _hash;
    private readonly byte[]? _retiringHash;
    private readonly SigningKeys _alone;
    private readonly SigningKeys _both;
    private readonly SigningKeys _retiring;

    /// <param name="current">The newest.</param>
    /// <param name="retiring">Those before; null when there are none.</param>
    /// <param name="retiresAt">When those before end.</param>
    public AgentKeys(AgentKeyPair current, AgentKeyPair? retiring, DateTimeOffset retiresAt)
    {
        (_hash, _retiringHash, RetiresAt) = (current.Hash, retiring?.Hash, retiresAt);
        _alone = new SigningKeys(current.ApiKey, [current.SigningSecret]);
        _both = retiring is null ? _alone : _alone with { SigningSecrets = [current.SigningSecret, retiring.SigningSecret] };
        _retiring = retiring is null ? _alone : _both with { ApiKey = retiring.ApiKey };
    }

    /// <summary>When the keys before the last rotation end, if there are any.</summary>
    public DateTimeOffset RetiresAt { get; }

    /// <returns>The hash of the key as it is kept here; null: the key opens nothing now.</returns>
    public byte[]? FindHash(byte[] keyHash, DateTimeOffset now) =>
        CryptographicOperations.FixedTimeEquals(_hash, keyHash) ? _hash
        : IsRetiring(keyHash) && now < RetiresAt ? _retiringHash
        : null;

    /// <summary>Whether the key is the one before the last rotation.</summary>
    public bool IsRetiring(byte[]? keyHash) => _retiringHash is not null && keyHash is not null && CryptographicOperations.FixedTimeEquals(_retiringHash, keyHash);

    /// <summary>What signs now, for a receiver that has one of the api keys: both signing secrets, while both hold.</summary>
    /// <param name="keyHash">Of the receiver's key; null: it has the newest.</param>
    /// <param name="now">The time.</param>
    public SigningKeys At(byte[]? keyHash, DateTimeOffset now) => IsRetiring(keyHash) ? _retiring : now < RetiresAt ? _both : _alone;
}

/// <summary>An api key with its hash, and the signing secret that was made with it. Never logged.</summary>
internal sealed class AgentKeyPair(byte[] hash, ApiKey apiKey, SigningSecret signingSecret)
{
    /// <summary>SHA-256 of the api key.</summary>
    public byte[] Hash => hash;

    public ApiKey ApiKey => apiKey;

    public SigningSecret SigningSecret => signingSecret;
}
