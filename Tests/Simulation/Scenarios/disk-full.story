0.000 candidates node1
      node1 starts, boot 1
      node2 starts, boot 1
      node3 starts, boot 1
      committed to 1
      node1 campaigns in term 2
      node1 leads in term 2
      committed to 5
2.000 candidates all
2.000 client0 at node2
2.100 client0 write r0 before
      committed to 6
      client0 writes r0: done
3.000 fill disk node1 for 5s
3.000 client0 write r0 A
      node1 is down
      node3 campaigns in term 3
      node3 leads in term 3
      committed to 8
      client0 writes r0: done
      committed to 9
6.000 client0 write r0 B
      committed to 10
      client0 writes r0: done
      node1 starts, boot 2
      committed to 11
12.000 client1 at node1
12.000 client1 read r0
       client1 reads r0: B
       the faults stop for node1 node2 node3
       committed to 15
       held
