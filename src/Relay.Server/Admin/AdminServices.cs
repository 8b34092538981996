namespace Relay.Server.Admin;

internal static class AdminServices
{
    public static IServiceCollection AddAdmin(this IServiceCollection services) => services
        .AddSingleton<AdminKeys>()
        .AddSingleton<Reencryption>();

    public static void MapAdmin(this IEndpointRouteBuilder routes)
    {
        routes.MapAdminKeys();
        routes.MapReencryption();
    }
}
