using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Agents;

/// <summary>Lets a request pass whose <c>X-Admin-Key</c> is the configured one, compared in constant time.</summary>
internal sealed class AdminKeyFilter(IOptions<RelayOptions> options) : IEndpointFilter
{
    public const string Header = "X-Admin-Key";

    private readonly byte[] _expected = SHA256.HashData(Encoding.UTF8.GetBytes(options.Value.AdminKey!));

    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var given = context.HttpContext.Request.Headers[Header].ToString();
        return CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(given)), _expected)
            ? next(context)
            : new ValueTask<object?>(new ErrorResult(
                StatusCodes.Status401Unauthorized, ErrorCodes.InvalidAdminKey, $"This call needs the admin key in the header {Header}."));
    }
}
