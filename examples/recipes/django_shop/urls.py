"""The addresses of the shop."""

from django.urls import path

from django_shop import views

urlpatterns = [
    path("goods/<str:name>/orders", views.order),
    path("orders/<str:number>", views.show),
    path("orders/<str:number>/refund", views.refund),
    path("notify", views.notify),
]
