namespace Relay.Server.Admin;

/// <summary>What an administrator may do; each role what those before it may, too.</summary>
internal enum AdminRole
{
    /// <summary>Look: agents, events, logs, the feed.</summary>
    Viewer,

    /// <summary>Run agents: register, change, rotate keys, replay, probe.</summary>
    Operator,

    /// <summary>What cannot be undone or gives power: deactivate agents, admin keys, encryption, the audit log.</summary>
    Admin,
}

internal static class AdminRoles
{
    public const string All = "viewer, operator or admin";

    public static string Text(this AdminRole role) => role switch
    {
        AdminRole.Viewer => "viewer",
        AdminRole.Operator => "operator",
        _ => "admin",
    };

    public static bool TryParse(string? text, out AdminRole role)
    {
        AdminRole? found = text switch { "viewer" => AdminRole.Viewer, "operator" => AdminRole.Operator, "admin" => AdminRole.Admin, _ => null };
        role = found ?? default;
        return found is not null;
    }
}

/// <summary>Which role an endpoint needs that does not go by its method.</summary>
internal sealed class NeededRole(AdminRole role)
{
    /// <summary>Without a role of its own an endpoint that reads is for viewers, one that changes something for operators.</summary>
    public static AdminRole Of(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<NeededRole>()?.Role
        ?? (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) ? AdminRole.Viewer : AdminRole.Operator);

    private AdminRole Role => role;
}

internal static class AdminEndpointConventions
{
    /// <summary>Says which role an administrator must have at least; without it the method decides.</summary>
    public static T NeedsRole<T>(this T endpoints, AdminRole role)
        where T : IEndpointConventionBuilder => endpoints.WithMetadata(new NeededRole(role));
}
