using System.Security.Cryptography;

namespace Relay.Server.Delivery;

/// <summary>One connection's name, in leases and logs: <c>ses_</c> and 20 hex digits.</summary>
internal readonly record struct SessionId(string Value)
{
    public static SessionId New() => new("ses_" + RandomNumberGenerator.GetHexString(20, lowercase: true));

    public override string ToString() => Value;
}
